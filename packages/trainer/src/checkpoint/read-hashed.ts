import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'

/** What a file holds, and the SHA-256 of that. */
export interface HashedBytes {
  readonly bytes: Uint8Array
  readonly digest: string
}

export async function readHashed(path: string): Promise<HashedBytes> {
  const bytes = await readFile(path)
  return { bytes, digest: createHash('sha256').update(bytes).digest('hex') }
}
