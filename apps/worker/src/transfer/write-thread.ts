import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import { writeSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import type { Append, Appended } from './blob-writer.ts'

/**
 * Hashed and then written while it is in the core's cache. Linux takes page cache for a write in blocks as large as the
 * write, and a virtual machine may have given those of megabytes back to its host: such a write costs up to eight times as
 * much.
 */
const pieceBytes = 64 * 2 ** 10

/** Of objects that are being written. */
const hashes = new Map<number, Hash>()

function append(hash: Hash, fd: number, bytes: Uint8Array): void {
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    const piece = bytes.subarray(start, start + pieceBytes)
    hash.update(piece)
    // A write may stop short.
    for (let at = 0; at < piece.length;) at += writeSync(fd, piece, at)
  }
}

/** The thread behind `createBlobWriter`. */
function answer(object: number, fd: number, bytes: Uint8Array): Appended {
  const hash = hashes.get(object) ?? createHash('sha256')
  hashes.set(object, hash)
  try {
    append(hash, fd, bytes)
    return { digest: hash.copy().digest('hex') }
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException
    return { message, code }
  }
}

parentPort!.on('message', ({ object, fd, bytes }: Append) => {
  if (bytes === null) hashes.delete(object)
  else parentPort!.postMessage(answer(object, fd, bytes))
})
