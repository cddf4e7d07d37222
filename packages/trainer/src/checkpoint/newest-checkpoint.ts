import { copyFile, link, mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import type { CheckpointManifest } from '@baton/contracts'
import type { SavedCheckpoint } from './save-checkpoint.ts'

/** A checkpoint that a training can go on from. */
export interface Resumable {
  readonly manifest: CheckpointManifest
  readonly filePath: (name: CheckpointManifest['files'][number]['name']) => string
}

/** The newest checkpoint of a training in files of the training's own: those that it was told with are the receiver's to remove. */
export interface NewestCheckpoint {
  readonly keep: (saved: SavedCheckpoint) => Promise<void>
  /** Null before the first. */
  readonly get: () => Resumable | null
}

/**
 * @param dir A folder to be made.
 * @param first What the training resumed from, whose files stay.
 */
export function newestCheckpoint(dir: string, first: Resumable | null): NewestCheckpoint {
  let newest = first
  let kept: string | null = null
  let count = 0
  return {
    get: () => newest,
    async keep({ manifest, files }) {
      const folder = path.join(dir, String(++count))
      await mkdir(folder, { recursive: true })
      for (const [name, from] of Object.entries(files)) {
        const to = path.join(folder, name)
        // Some mounted folders know no links.
        await link(from, to).catch(() => copyFile(from, to))
      }
      const before = kept
      kept = folder
      newest = { manifest, filePath: (name) => path.join(folder, name) }
      if (before !== null) await rm(before, { recursive: true })
    },
  }
}
