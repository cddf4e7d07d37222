import { mkdir, mkdtemp, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { bundleLimits } from './limits.ts'
import { packBundle } from './pack.ts'
import { checkBundle } from './unpack.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'baton-pack-'))
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true, force: true })
})

async function put(files: Record<string, string>, into = folder): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(into, name)), { recursive: true })
    await writeFile(join(into, name), text)
  }
}

test('equal files give equal bytes, whatever their order, times, modes and the zone of the machine', async () => {
  await put({ 'index.js': 'one', 'lib/a.js': 'two', 'Z.js': 'three' })
  const first = await packBundle(folder)

  const other = join(folder, '.other')
  await put({ 'Z.js': 'three', 'lib/a.js': 'two', 'index.js': 'one' }, other)
  await utimes(join(other, 'index.js'), 1, 1)
  vi.stubEnv('TZ', 'Pacific/Kiritimati')
  const second = await packBundle(other)

  expect(second).toEqual(first)
  // Packed once and noted: a change here would make every bundle in storage look new.
  expect(first.digest).toBe('3d342e8136baa66e7392c3a91fc2db4ff5460da368914273a64dc22701772443')
})

test('a change in a file or in a name changes the digest', async () => {
  await put({ 'index.js': 'one', 'a.js': 'two' })
  const first = await packBundle(folder)
  await put({ 'index.js': 'uno' })
  const second = await packBundle(folder)
  await put({ 'b.js': 'two' })
  await rm(join(folder, 'a.js'))
  const third = await packBundle(folder)
  expect(new Set([first.digest, second.digest, third.digest]).size).toBe(3)
})

test('installed packages, version control and dotfiles stay out', async () => {
  await put({
    'index.mjs': '',
    '.git/config': '',
    '.env': 'TOKEN=1',
    'node_modules/x/index.js': '',
    'lib/node_modules/y.js': '',
  })
  await symlink('/etc/passwd', join(folder, '.link'))
  const { bytes } = await packBundle(folder)
  expect(await checkBundle(bytes)).toEqual([{ name: 'index.mjs', sizeBytes: 0 }])
})

test('links are refused, all at once', async () => {
  await put({ 'index.js': '' })
  await symlink('index.js', join(folder, 'a.js'))
  await symlink('/etc', join(folder, 'etc'))
  await expect(packBundle(folder)).rejects.toMatchObject({
    code: 'bundle-invalid',
    faults: expect.arrayContaining([
      { pointer: 'a.js', detail: expect.stringMatching(/symbolic link/) as string },
      { pointer: 'etc', detail: expect.stringMatching(/symbolic link/) as string },
    ]) as unknown,
  })
})

test('a folder without an index, and a folder that is not there, are refused', async () => {
  await put({ 'model.js': '' })
  await expect(packBundle(folder)).rejects.toMatchObject({ detail: expect.stringMatching(/no index\.js/) as string })
  await expect(packBundle(join(folder, 'none'))).rejects.toMatchObject({
    code: 'bundle-invalid',
    detail: expect.stringMatching(/cannot be read/) as string,
  })
})

test('a folder too large is refused before its files are read', async () => {
  await put({ 'index.js': '', 'weights.bin': '' })
  await truncate(join(folder, 'weights.bin'), bundleLimits.totalBytes + 1)
  await expect(packBundle(folder)).rejects.toMatchObject({
    detail: expect.stringMatching(/67108865 bytes in all/) as string,
  })
})
