import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { AppError } from '@baton/contracts'
import type { Blob, Fault } from '@baton/contracts'
import { inLanes } from './in-lanes.ts'
import { readManifest } from './manifest.ts'
import type { BackupManifest } from './manifest.ts'
import type { BackupStep } from './step.ts'
import { fileBytes } from './tar.ts'
import { manifestName, objectName } from './target.ts'

export interface VerifiedBackup {
  readonly folder: string
  readonly manifest: BackupManifest
  readonly objects: readonly Blob[]
}

/** Faults told; a backup with more is not going to be mended by hand. */
const faultsMax = 100

/**
 * Reads every byte of a backup and compares it with the manifest.
 * @throws {AppError} `backup-invalid`, naming each file that is missing or damaged
 */
export async function verifyBackup(folder: string, onStep?: (step: BackupStep) => void): Promise<VerifiedBackup> {
  const manifest = await readManifestOf(folder)
  const faults: Fault[] = []
  const look = async (name: string, expected: Blob) => {
    const detail = await faultOf(path.join(folder, name), expected)
    if (detail !== null) faults.push({ pointer: name, detail })
  }
  for (const file of [...manifest.tables, manifest.objects]) await look(file.file, file)
  refuse(faults)

  const objects = await readObjectList(path.join(folder, manifest.objects.file))
  let [done, bytes] = [0, 0]
  await inLanes(2, objects, async (blob) => {
    if (faults.length < faultsMax) await look(objectName(blob.digest), blob)
    done++
    bytes += blob.sizeBytes
    onStep?.({ phase: 'verify', done, total: objects.length, bytes })
  })
  refuse(faults)
  return { folder, manifest, objects }
}

async function readManifestOf(folder: string): Promise<BackupManifest> {
  try {
    return readManifest(await readFile(path.join(folder, manifestName), 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    const detail = `${manifestName} is not there: it is no backup, or one that was cut before its end`
    throw new AppError('backup-invalid', {}, { detail, cause: error })
  }
}

async function faultOf(file: string, { digest, sizeBytes }: Blob): Promise<string | null> {
  const found = await stat(file).catch(() => null)
  if (found === null) return 'is missing'
  if (found.size !== sizeBytes) return `has ${found.size} bytes instead of ${sizeBytes}`
  const hash = createHash('sha256')
  for await (const piece of fileBytes(file)) hash.update(piece)
  return hash.digest('hex') === digest ? null : 'is damaged: its bytes are not those that were backed up'
}

async function readObjectList(file: string): Promise<Blob[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter(Boolean)
  return lines.map((line) => {
    const [digest, size] = line.split(' ')
    return { digest: digest!, sizeBytes: Number(size) }
  })
}

function refuse(faults: readonly Fault[]): void {
  if (faults.length > 0)
    throw new AppError('backup-invalid', {}, { faults, detail: 'files of it are missing or damaged' })
}
