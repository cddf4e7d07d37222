import { createHash } from 'node:crypto'
import { lstat, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import type { Fault } from '@baton/contracts'
import { ZipFile } from 'yazl'
import { invalidBundle } from './fault.ts'
import { bundleLimits as limits } from './limits.ts'
import { checkBundle } from './unpack.ts'

export interface PackedBundle {
  readonly bytes: Buffer
  /** SHA-256 of the bytes, 64 lower-case hex digits. */
  readonly digest: string
}

/**
 * The files of a folder as one zip whose bytes depend on nothing but their names and contents.
 *
 * Names are sorted, times and modes fixed, and files stored without compression, as deflate's output differs between
 * zlib builds. `node_modules` and names that start with a dot are left out. The result passes `checkBundle`.
 *
 * @throws {AppError} `bundle-invalid`, a fault for every file that cannot be packed
 */
export async function packBundle(folder: string): Promise<PackedBundle> {
  const names = await listFiles(folder)
  // The earliest day a zip can say. Its clock has no zone, so local noon is the same digits on every machine.
  const options = { mtime: new Date(1980, 0, 1, 12), forceDosTimestamp: true, mode: 0o100644, compress: false }
  const zip = new ZipFile()
  const written = buffer(zip.outputStream)
  for (const name of names) zip.addBuffer(await readFile(join(folder, name)), name, options)
  zip.end()
  const bytes = await written
  await checkBundle(bytes)
  return { bytes, digest: createHash('sha256').update(bytes).digest('hex') }
}

/** Paths of the files to pack, separated by `/`, in the order of their UTF-16 codes. */
async function listFiles(folder: string): Promise<string[]> {
  const names: string[] = []
  const faults: Fault[] = []
  let totalBytes = 0
  const visit = async (prefix: string): Promise<void> => {
    for (const entry of await readdir(join(folder, prefix), { withFileTypes: true })) {
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue
      const name = prefix + entry.name
      if (entry.isDirectory()) await visit(`${name}/`)
      else if (entry.isFile()) {
        names.push(name)
        totalBytes += (await lstat(join(folder, name))).size
      } else faults.push({ pointer: name, detail: refusal(entry.isSymbolicLink()) })
    }
  }
  await visit('').catch((error: unknown) => {
    throw invalidBundle([{ pointer: folder, detail: `the folder cannot be read: ${(error as Error).message}` }], error)
  })
  // Before anything is read into memory.
  if (totalBytes > limits.totalBytes)
    faults.push({ pointer: '', detail: `its files are ${totalBytes} bytes in all; at most ${limits.totalBytes}` })
  if (names.length > limits.entries)
    faults.push({ pointer: '', detail: `it has ${names.length} files; at most ${limits.entries}` })
  if (faults.length > 0) throw invalidBundle(faults)
  return names.sort()
}

function refusal(isLink: boolean): string {
  return isLink ? 'it is a symbolic link; put the file itself there' : 'it is neither a file nor a folder'
}
