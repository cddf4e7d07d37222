import type { LabelGroups } from './vocabulary.ts'

/** How far an import is: `draw` the emoji, `check` the pictures, `write` the shards. */
export interface ImportProgress {
  readonly phase: 'draw' | 'check' | 'write'
  readonly done: number
  readonly total: number
}

export interface ImportOptions {
  /** A folder of pictures (with folders in it), or paths of pictures. */
  readonly images: string | readonly string[]
  /** CSV (`id` or `file`; `labels`, `attribute_ids` or a column for each label group; `group`; `split`; `fold`), or JSON(L). */
  readonly labels: string
  /** A folder whose pictures are all test samples, as a competition gives them: they need no row. */
  readonly testImages?: string
  /** Label groups, or a YAML, JSON or CSV file of them; without it, the labels that the rows use. */
  readonly vocabulary?: string | LabelGroups
  /** Where the pictures come from and under which licence. */
  readonly licences?: readonly string[]
  /** The folder to make: `manifest.json` and its shards. Must not exist, or be empty. */
  readonly out: string
  readonly onProgress?: (progress: ImportProgress) => void
}
