import { createHash } from 'node:crypto'
import { open, rename } from 'node:fs/promises'
import type { Blob } from '@baton/contracts'
import { encodeParts } from '@baton/safetensors'
import type { Tensors } from '@baton/safetensors'

/** A file on this machine with its digest and size. */
export interface LocalFile extends Blob {
  readonly path: string
}

/**
 * Writes tensors as a safetensors file that is whole on disk, or not there at all: written beside its place, flushed,
 * then renamed. Nothing is held twice: the digest is made of the tensors' own memory.
 */
export async function writeTensors(path: string, tensors: Tensors): Promise<LocalFile> {
  const parts = encodeParts(tensors)
  const hash = createHash('sha256')
  const beside = `${path}.part`
  const file = await open(beside, 'w')
  try {
    for (const part of parts) {
      hash.update(part)
      await file.writeFile(part)
    }
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(beside, path)
  return { path, digest: hash.digest('hex'), sizeBytes: parts.reduce((sum, part) => sum + part.length, 0) }
}
