import { AppError, isAppError, labelsOf } from '@baton/contracts'
import type { DatasetManifest, FoldResult } from '@baton/contracts'
import { predictionsIn } from '@baton/evaluation'
import type { FoldPredictions, Predictions } from '@baton/evaluation'
import { decode } from '@baton/safetensors'
import { readTwice } from '../blobs.ts'
import type { BlobStore } from '../ports.ts'

/** The header of a predictions file, which names a few tensors, is far smaller. */
const predictionsHeaderBytes = 2 ** 20

/** @throws {AppError} `predictions-incomplete` when what is stored cannot be predictions, or is not there any more */
export async function readPredictions(
  blobs: BlobStore,
  manifest: DatasetManifest,
  fold: number,
  { oof, test }: FoldResult,
): Promise<FoldPredictions> {
  // A row for every sample there is, with votes and distance; a worker may deliver anything, and what is larger cannot be
  // right.
  const rowBytes = 4 * (2 + 2 * labelsOf(manifest).length)
  const maxBytes = predictionsHeaderBytes + rowBytes * manifest.samples.length
  return {
    fold,
    oof: await readTable(blobs, oof.digest, maxBytes),
    test: test === null ? null : await readTable(blobs, test.digest, maxBytes),
  }
}

function unusable(digest: string, detail: string, cause?: unknown): AppError {
  return new AppError('predictions-incomplete', { digest }, { detail, cause })
}

async function readTable(blobs: BlobStore, digest: string, maxBytes: number): Promise<Predictions> {
  const bytes = await readTwice(blobs, digest, maxBytes).catch((cause: unknown) => {
    if (isAppError(cause, 'payload-too-large')) throw unusable(digest, 'the predictions are too large', cause)
    if (isAppError(cause, 'blob-missing')) throw unusable(digest, 'the predictions are not in storage any more', cause)
    if (isAppError(cause, 'digest-mismatch')) throw unusable(digest, 'the predictions are damaged in storage', cause)
    throw cause
  })
  const predictions = predictionsIn(decodeTable(digest, bytes))
  if (predictions === null) throw unusable(digest, 'the predictions lack int32 `sample` or float32 `probability`')
  return predictions
}

function decodeTable(digest: string, bytes: Uint8Array): ReturnType<typeof decode>['tensors'] {
  try {
    return decode(bytes).tensors
  } catch (cause) {
    throw unusable(digest, 'the predictions are not readable safetensors', cause)
  }
}
