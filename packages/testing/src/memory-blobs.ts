import { createHash } from 'node:crypto'
import { AppError } from '@baton/contracts'
import type { BlobStore } from '@baton/core'

/** Objects in memory, for tests of what lies above storage. Addresses are `memory:<digest>` and lead nowhere. */
export function memoryBlobs(): BlobStore & { readonly objects: Map<string, Uint8Array> } {
  const objects = new Map<string, Uint8Array>()
  return {
    objects,
    stat: async (digest) => {
      const bytes = objects.get(digest)
      return bytes ? { sizeBytes: bytes.byteLength } : null
    },
    read: async (digest, { maxBytes }) => {
      const bytes = objects.get(digest)
      if (bytes === undefined) throw new AppError('blob-missing', { digests: [digest] })
      if (bytes.byteLength > maxBytes) throw new AppError('payload-too-large', { digest })
      return bytes
    },
    write: async (bytes) => {
      const digest = createHash('sha256').update(bytes).digest('hex')
      objects.set(digest, bytes.slice())
      return { digest, sizeBytes: bytes.byteLength }
    },
    presignGet: async (digest) => `memory:${digest}`,
    presignPut: async ({ digest }) => ({ url: `memory:${digest}`, headers: {} }),
    remove: async (digests) => digests.forEach((digest) => objects.delete(digest)),
  }
}
