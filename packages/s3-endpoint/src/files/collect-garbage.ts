import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Context } from '../context.ts'
import type { Db } from '../db.ts'
import { filePath } from './file-store.ts'

/** Long after any upload's file got its row, or its writer was found to be gone. */
const ageMinMs = 3600_000
/** Uploads that nobody went on with for so long were given up. */
const uploadMaxMs = 7 * 24 * 3600_000
const batchFiles = 5000

/**
 * Removes what nothing names: files that a crash left between bytes and row, and uploads that were given up.
 * Rows are looked up after the files were listed, so a file whose row was just written is seen as named.
 */
export async function collectGarbage(
  { db, files, now }: Pick<Context, 'db' | 'files' | 'now'>,
  directory: string,
): Promise<{ removed: number }> {
  await db.query(
    `DELETE FROM s3_upload WHERE created_at < $1
       AND NOT EXISTS (SELECT 1 FROM s3_part WHERE upload_id = s3_upload.id AND modified_at >= $1)`,
    [new Date(now() - uploadMaxMs)],
  )
  let removed = 0
  for await (const batch of listOldFiles(directory, now() - ageMinMs)) {
    // Asked first: a file that is being written now may have its row, and be busy no more, once rows were looked up.
    const idle = batch.filter((id) => !files.isBusy(id))
    const orphans = await findOrphans(db, idle)
    for (const id of orphans) await rm(filePath(directory, id), { force: true })
    removed += orphans.length
  }
  return { removed }
}

/** Of these ids, those that no row names. One statement sees one state, so a completing upload's parts are not missed. */
async function findOrphans(db: Db, ids: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `SELECT id FROM unnest($1::uuid[]) AS id
     EXCEPT (SELECT unnest(files) FROM s3_object UNION ALL SELECT file FROM s3_part)`,
    [ids],
  )
  return rows.map(({ id }) => id)
}

async function* listOldFiles(directory: string, beforeMs: number): AsyncGenerator<string[]> {
  let batch: string[] = []
  for (const folder of await namesIn(directory))
    for (const id of await namesIn(join(directory, folder))) {
      if (!isId.test(id) || !(await isOlder(filePath(directory, id), beforeMs))) continue
      batch.push(id)
      if (batch.length === batchFiles) {
        yield batch
        batch = []
      }
    }
  if (batch.length > 0) yield batch
}

const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** A folder that is not there, or is none, holds nothing. */
async function namesIn(path: string): Promise<string[]> {
  try {
    return await readdir(path)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code!)) return []
    throw error
  }
}

async function isOlder(path: string, beforeMs: number): Promise<boolean> {
  try {
    return (await stat(path)).mtimeMs < beforeMs
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
