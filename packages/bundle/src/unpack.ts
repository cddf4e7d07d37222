import { randomUUID } from 'node:crypto'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { AppError } from '@baton/contracts'
import { openBundle } from './open.ts'
import type { BundleEntry } from './open.ts'

/**
 * What is in a bundle, once it is proven safe to unpack: every name, size, checksum and byte is checked, nothing is
 * written.
 *
 * @throws {AppError} `bundle-invalid`, a fault for every bad entry
 */
export async function checkBundle(bytes: Uint8Array): Promise<BundleEntry[]> {
  return (await openBundle(bytes)).map(({ name, sizeBytes }) => ({ name, sizeBytes }))
}

/**
 * Writes a bundle's files below `targetDir`, all of them or none.
 *
 * They are written beside the target and renamed into place, so another process never meets half a bundle.
 * `targetDir` must not exist, or be empty; its parents are made.
 *
 * @throws {AppError} `bundle-invalid`; `already-exists` when something stands at the target
 */
export async function unpackBundle(bytes: Uint8Array, targetDir: string): Promise<BundleEntry[]> {
  const files = await openBundle(bytes)
  const target = resolve(targetDir)
  const staging = `${target}.${randomUUID()}.partial`
  try {
    for (const { name, bytes: content } of files) {
      const path = join(staging, ...name.split('/'))
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, content, { flag: 'wx', mode: 0o644 })
    }
    await rename(staging, target)
  } catch (error) {
    await rm(staging, { recursive: true, force: true })
    throw isOccupied(error) ? new AppError('already-exists', { path: target }, { cause: error }) : error
  }
  return files.map(({ name, sizeBytes }) => ({ name, sizeBytes }))
}

/** What renaming a folder onto something says: a folder with entries (two spellings), a file, or Windows. */
function isOccupied(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  return (
    (error as NodeJS.ErrnoException).syscall === 'rename' && ['ENOTEMPTY', 'EEXIST', 'ENOTDIR', 'EPERM'].includes(code)
  )
}
