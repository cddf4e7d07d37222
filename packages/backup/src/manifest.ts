import { AppError } from '@baton/contracts'
import { canonicalJson, sha256 } from '@baton/core'
import { z } from 'zod'

/** The form of a backup. A change that older programs cannot read gets the next number. */
export const format = 'baton.backup/1'

const Digest = z.string().regex(/^[0-9a-f]{64}$/)
const File = { file: z.string().regex(/^snapshots\/[\w-]+\/[\w-]+\.\w+$/), sizeBytes: z.int().min(0), digest: Digest }

/** What a backup holds. It is written last: a folder without one is not a backup. */
export const BackupManifest = z.object({
  format: z.literal(format),
  createdAt: z.iso.datetime(),
  /** What had been applied to the database, by name and SHA-256. */
  migrations: z.array(z.object({ name: z.string(), checksum: z.string() })),
  /** PostgreSQL's text format of COPY, rows in the order of their primary key. */
  tables: z.array(z.object({ name: z.string(), columns: z.array(z.string()), rows: z.int().min(0), ...File })),
  sequences: z.array(z.object({ name: z.string(), value: z.string().regex(/^\d+$/) })),
  /** Digest and size of each object, a line each, sorted. */
  objects: z.object({ count: z.int().min(0), totalBytes: z.int().min(0), ...File }),
  /** Objects that the database refers to and storage did not have. */
  missing: z.array(Digest),
})
export type BackupManifest = z.infer<typeof BackupManifest>

/** The manifest as a file, with the digest of what it says. */
export function writeManifest(manifest: BackupManifest): string {
  return `${JSON.stringify({ ...manifest, digest: sha256(canonicalJson(manifest)) }, null, 2)}\n`
}

/** @throws {AppError} `backup-invalid` for a manifest that is damaged or of another format */
export function readManifest(text: string): BackupManifest {
  const read = parse(text)
  const stated = (read as { format?: unknown } | null)?.format
  if (stated !== format) throw wrongFormat(stated)
  const { digest, ...rest } = read as { digest?: unknown }
  if (digest !== sha256(canonicalJson(rest))) throw damagedManifest()
  const result = BackupManifest.safeParse(rest)
  if (!result.success) throw damagedManifest()
  return result.data
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw damagedManifest()
  }
}

const damagedManifest = () => new AppError('backup-invalid', {}, { detail: 'manifest.json is damaged' })

function wrongFormat(stated: unknown): AppError {
  const number = Number(/^baton\.backup\/(\d+)$/.exec(String(stated))?.[1])
  const detail =
    number > 1
      ? `it was made by a newer Baton: its format is ${String(stated)}, this one reads ${format}`
      : 'manifest.json is not that of a backup'
  return new AppError('backup-invalid', {}, { detail })
}
