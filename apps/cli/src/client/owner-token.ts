import { randomBytes, randomUUID } from 'node:crypto'
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Secret } from '@baton/config'

/** Where `baton up` leaves the owner's token for the other commands on this machine. */
export function ownerTokenFile(dataDir: string): string {
  return path.join(dataDir, 'owner-token')
}

/**
 * The owner's token, kept in the data folder, readable by this user only: the one given, else the one kept there,
 * else a new one.
 */
export async function keepOwnerToken(dataDir: string, given: Secret | null): Promise<Secret> {
  const file = ownerTokenFile(dataDir)
  const kept = await readFile(file, 'utf8').then(
    (text) => text.trim(),
    () => '',
  )
  const token = given?.reveal() ?? (kept || `baton_owner_${randomBytes(32).toString('base64url')}`)
  if (token === kept) await chmod(file, 0o600)
  else await writeWhole(file, `${token}\n`)
  return new Secret(token)
}

async function writeWhole(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
  const draft = `${file}.${randomUUID()}`
  await writeFile(draft, text, { mode: 0o600, flag: 'wx' })
  await rename(draft, file)
}
