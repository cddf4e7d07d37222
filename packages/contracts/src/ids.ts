import { z } from 'zod'

/** SHA-256 of an object's bytes, 64 lower-case hex digits: its name everywhere, in storage too. */
export const Digest = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 in 64 lower-case hex digits')
export type Digest = z.infer<typeof Digest>

/** Name of a project, dataset or pool: what stands in an address and on a command line. */
export const Slug = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/, 'lower-case letters, digits and inner hyphens, at most 64')
export type Slug = z.infer<typeof Slug>

export const Id = z.uuid()
export type Id = z.infer<typeof Id>

/** A number of steps, leases or lines: what a 32-bit column of the database takes. */
export const Count = z.int().min(0).max(0x7fff_ffff)
/** The same, from 1. */
export const Ordinal = Count.min(1)

/** An object in storage, by digest, with its size so that a reader can allocate and refuse. */
export const Blob = z.strictObject({ digest: Digest, sizeBytes: z.int().nonnegative() })
export type Blob = z.infer<typeof Blob>

/** A dataset as a person names it: `emoji` (newest version) or `emoji@3`. */
export const DatasetRef = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?(?:@[1-9]\d{0,8})?$/,
    'a dataset name, optionally with its version: emoji@3',
  )
export type DatasetRef = z.infer<typeof DatasetRef>

/** A name of an artifact; good as a file's, too. */
export const ArtifactName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'letters, digits, dots, underscores and hyphens, at most 100')

const numbered = '[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?#[1-9]\\d{0,8}'

/** An experiment as a person names it: `imet#41`. */
export const ExperimentRef = z.string().regex(new RegExp(`^${numbered}$`), 'a project and an experiment of it: imet#41')
export type ExperimentRef = z.infer<typeof ExperimentRef>

/** An experiment, or one fold of it: `imet#41`, `imet#41/3`. */
export const FoldRef = z
  .string()
  .regex(new RegExp(`^${numbered}(?:/\\d{1,2})?$`), 'an experiment, optionally with a fold: imet#41, imet#41/3')
export type FoldRef = z.infer<typeof FoldRef>

/** What a reference names. `fold`: 0-based; null where it names none. */
export function parseFoldRef(ref: FoldRef): { project: string; version: number; fold: number | null } {
  const [, project = '', version, fold] = /^([^#]+)#(\d+)(?:\/(\d+))?$/.exec(ref) ?? []
  return { project, version: Number(version), fold: fold === undefined ? null : Number(fold) }
}
