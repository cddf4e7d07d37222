/** How far a backup or a restore is; `total` is 0 where it is not known yet. */
export interface BackupStep {
  readonly phase: 'tables' | 'objects' | 'verify'
  readonly done: number
  readonly total: number
  /** Bytes of this phase so far. */
  readonly bytes: number
}
