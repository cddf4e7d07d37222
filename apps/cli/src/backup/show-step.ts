import type { BackupStep } from '@baton/backup'
import type { Progress } from '../output/progress.ts'
import { formatBytes } from '../output/text.ts'

/** Shows how far a backup or a restore is. */
export function showStep(progress: Progress): (step: BackupStep) => void {
  return ({ phase, done, total, bytes }) =>
    progress.update(phase, done, total, `${done} of ${total}, ${formatBytes(bytes)}`)
}
