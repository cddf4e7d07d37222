import { randomBytes, randomUUID } from 'node:crypto'
import { chmod, readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Secret } from '@baton/config'
import { makeDataDir } from './make-data-dir.ts'

/**
 * A secret that outlives this process, in a file that only this user can read: the one given, else the one kept
 * there, else a new one of 256 random bits.
 *
 * @param prefix What a new one begins with, so that a person who finds it knows what it is.
 */
export async function keepSecret(
  file: string,
  { given = null, prefix = '' }: { given?: Secret | null; prefix?: string } = {},
): Promise<Secret> {
  const kept = await readKept(file)
  const secret = given?.reveal() ?? (kept === '' ? `${prefix}${randomBytes(32).toString('base64url')}` : kept)
  if (secret === kept) await chmod(file, 0o600)
  else await writeWhole(file, `${secret}\n`)
  return new Secret(secret)
}

async function readKept(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

async function writeWhole(file: string, text: string): Promise<void> {
  await makeDataDir(path.dirname(file))
  const draft = `${file}.${randomUUID()}`
  await writeFile(draft, text, { mode: 0o600, flag: 'wx' })
  await rename(draft, file)
}
