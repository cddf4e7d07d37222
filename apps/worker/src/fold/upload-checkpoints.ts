import { rm } from 'node:fs/promises'
import { isAppError } from '@baton/contracts'
import type { Client, Lease } from '@baton/contracts'
import type { SavedCheckpoint } from '../child/messages.ts'
import { retrying, verdictOn } from '../retry-policy.ts'
import type { Tools } from '../retry-policy.ts'
import type { BlobCache } from '../transfer/blob-cache.ts'
import { uploadBlobs } from '../transfer/upload-blobs.ts'
import type { LocalBlob } from '../transfer/upload-blobs.ts'
import type { FoldTrace } from './trace-fold.ts'

export interface CheckpointUploads {
  /** Takes a checkpoint that lies on disk. It is uploaded once the one before it is, unless a newer one comes first. */
  offer(checkpoint: SavedCheckpoint): void
  /** Whether one is being uploaded now. */
  isBusy(): boolean
  /** Resolves once the newest checkpoint offered so far is committed, or refused for good. */
  settled(): Promise<void>
  /** Position of the newest committed checkpoint, 0 if there is none. */
  committedStep(): number
  /** The newest checkpoint, if it is not committed. */
  uncommitted(): SavedCheckpoint | null
  /** Nobody resumes the fold any more: what is kept of it here goes. */
  discard(): Promise<void>
}

export interface UploadCheckpoints {
  readonly api: Client
  readonly lease: Lease
  readonly signal: AbortSignal
  readonly trace: FoldTrace
  /** Keeps what was committed last, so that a session that goes on here need not pull it. */
  readonly cache: Pick<BlobCache, 'adopt' | 'drop'>
  /** Called with the seconds that an upload and its commit took, where nothing went wrong meanwhile. */
  readonly onPace: (seconds: number) => void
  /** The API said that this session or its lease is over, or something broke. The uploads stop. */
  readonly onFailed: (error: unknown) => void
}

/** A newer checkpoint waits: no use in trying the older one again. */
class Superseded extends Error {}

/**
 * Uploads checkpoints in the background, one at a time, the newest first. A checkpoint exists once its commit is
 * accepted; until then the one before it is what the next session resumes from.
 */
export function uploadCheckpoints(tools: Tools, input: UploadCheckpoints): CheckpointUploads {
  let waiting: SavedCheckpoint | null = null
  let current: SavedCheckpoint | null = null
  let committed = input.lease.checkpoint?.manifest ?? null
  let running: Promise<void> = Promise.resolve()
  let isRunning = false

  async function run(): Promise<void> {
    isRunning = true
    try {
      while (waiting !== null) {
        current = waiting
        waiting = null
        const { dir } = current
        const isCommitted = await commit(current)
        if (isCommitted) await keep(current)
        // Not delivered in time: it stays what `uncommitted` tells of.
        else if (input.signal.aborted) return
        current = null
        await rm(dir, { recursive: true, force: true })
      }
    } finally {
      isRunning = false
    }
  }

  /** Whether it is committed; false when a newer one took its place, or it was refused. */
  async function commit(checkpoint: SavedCheckpoint): Promise<boolean> {
    const startMs = tools.clock.now()
    let isSmooth = true
    const beforeRetry = (): void => {
      isSmooth = false
      if (waiting !== null) throw new Superseded()
    }
    try {
      await commitCheckpoint(tools, { ...input, checkpoint, beforeRetry })
      if (isSmooth) input.onPace((tools.clock.now() - startMs) / 1000)
      return true
    } catch (error) {
      if (error instanceof Superseded || input.signal.aborted) return false
      // Refused: the training goes on, and the next checkpoint may be taken.
      if (isAppError(error) && verdictOn(error) === 'fail-fold')
        tools.log.error({ error, step: checkpoint.manifest.position.step }, 'checkpoint refused')
      else input.onFailed(error)
      return false
    }
  }

  /** In the place of the one before it: who ever has to go back to that pulls it. */
  async function keep({ manifest, files }: SavedCheckpoint): Promise<void> {
    const before = committed
    committed = manifest
    for (const file of manifest.files) await input.cache.adopt(file, files[file.name]!)
    const kept = new Set(digestsOf(manifest))
    await input.cache.drop(digestsOf(before).filter((digest) => !kept.has(digest)))
  }

  return {
    offer(checkpoint) {
      const skipped = waiting
      waiting = checkpoint
      if (skipped) rm(skipped.dir, { recursive: true, force: true }).catch(input.onFailed)
      if (!isRunning) running = run().catch(input.onFailed)
    },
    isBusy: () => current !== null,
    settled: () => running,
    committedStep: () => committed?.position.step ?? 0,
    uncommitted: () => waiting ?? current,
    discard: () => input.cache.drop(digestsOf(committed)),
  }
}

interface CommitCheckpoint extends Pick<UploadCheckpoints, 'api' | 'lease' | 'signal' | 'trace'> {
  readonly checkpoint: SavedCheckpoint
  readonly beforeRetry: (error: unknown) => void
}

async function commitCheckpoint(tools: Tools, input: CommitCheckpoint): Promise<void> {
  const { api, lease, signal, beforeRetry, checkpoint, trace } = input
  const { manifest } = checkpoint
  const at = { 'baton.step': manifest.position.step }
  const send = () =>
    trace.around('upload checkpoint', at, () =>
      uploadBlobs(tools, { api, lease, signal, beforeRetry, blobs: blobsOf(checkpoint) }),
    )
  const record = () =>
    trace.around('commit checkpoint', at, () =>
      retrying(tools, { what: 'record checkpoint', signal, beforeRetry }, () =>
        api.recordCheckpoint({ params: { fold: lease.foldId }, body: { fence: lease.fence, manifest } }, { signal }),
      ),
    )
  await send()
  const { digest, step } = await record().catch(async (error: unknown) => {
    // Storage lost an object between the two calls: send it again, once.
    if (!isAppError(error, 'blob-missing')) throw error
    await send()
    return record()
  })
  tools.log.info({ step, digest }, 'checkpoint recorded')
}

function digestsOf(manifest: SavedCheckpoint['manifest'] | null): string[] {
  return manifest?.files.map(({ digest }) => digest) ?? []
}

function blobsOf({ manifest, files }: SavedCheckpoint): LocalBlob[] {
  return manifest.files.map(({ name, digest, sizeBytes }) => ({ digest, sizeBytes, path: files[name]! }))
}
