import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createFileStore, filePath } from './file-store.ts'
import { MaybeKept } from './maybe-kept.ts'

async function openStore() {
  const directory = await mkdtemp(join(tmpdir(), 'baton-files-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const failures: unknown[] = []
  const store = createFileStore(directory, (error) => failures.push(error))
  return { store, failures, path: (id: string) => filePath(directory, id) }
}

test('a file stays when its work succeeds', async () => {
  const { store, path } = await openStore()
  const id = await store.withNewFile(async (file) => {
    await file.write([Buffer.from('one '), Buffer.from('two')])
    await file.seal()
    expect(store.isBusy(file.id)).toBe(true)
    return file.id
  })
  expect(await readFile(path(id), 'utf8')).toBe('one two')
  expect(store.isBusy(id)).toBe(false)
})

test('a file goes when its work fails, unless a row may name it', async () => {
  const { store, path } = await openStore()
  const failWith = async (error: Error) => {
    let id = ''
    const work = store.withNewFile(async (file) => {
      id = file.id
      await file.write([Buffer.from('x')])
      throw error
    })
    await expect(work).rejects.toBe(error)
    return existsSync(path(id))
  }
  expect(await failWith(new Error('no'))).toBe(false)
  expect(await failWith(new MaybeKept('perhaps'))).toBe(true)
})

test('a removed file stays until those who were reading when it was removed have left', async () => {
  const { store, path } = await openStore()
  const id = await store.withNewFile(async (file) => file.id)
  const leaveFirst = store.gate.enter('bucket/key')
  const leaveSecond = store.gate.enter('bucket/key')
  store.remove([id], 'bucket/key')
  const leaveThird = store.gate.enter('bucket/key')
  leaveFirst()
  await store.gate.cleared('other')
  expect([existsSync(path(id)), store.isBusy(id)]).toEqual([true, true])
  leaveSecond()
  await store.settled()
  expect([existsSync(path(id)), store.isBusy(id)]).toEqual([false, false])
  leaveThird()
})

test('removing what is not there is no failure', async () => {
  const { store, failures } = await openStore()
  store.remove(['00000000-0000-0000-0000-000000000000'], 'x')
  await store.settled()
  expect(failures).toEqual([])
})
