import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Writable } from 'node:stream'
import { AppError } from '@baton/contracts'
import type { Blob } from '@baton/contracts'
import { fileBytes, tarEnd, tarHeader, tarPadding } from './tar.ts'

/** Where a backup is written. Files may be added several at a time. */
export interface Target {
  /** Whether it holds an object from an earlier run. */
  has(blob: Blob): Promise<boolean>
  /** Adds a file; `write` is given a path to write it at. It is there whole, or not at all. */
  add(name: string, write: (path: string) => Promise<void>): Promise<void>
  /** Ends it with the manifest: only now is it a backup. */
  finish(manifest: string, keep: ReadonlySet<string>): Promise<void>
}

export const manifestName = 'manifest.json'
const [snapshots, objects, drafts] = ['snapshots', 'objects', 'drafts']

/** An object's file within a backup: spread over 256 folders. */
export function objectName(digest: string): string {
  return `${objects}/${digest.slice(0, 2)}/${digest}`
}

/**
 * A folder, which keeps what it has: the next backup into it fetches only objects that are new. Until that one's
 * manifest is written, the one before it stands.
 *
 * @throws {AppError} `conflict` where the folder holds something else
 */
export async function folderTarget(folder: string): Promise<Target> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const known = [manifestName, snapshots, objects, drafts]
  const strange = (await readdir(folder)).find((name) => !known.includes(name))
  if (strange !== undefined)
    throw new AppError('conflict', {}, { detail: `${folder} holds something else than a backup: ${strange}` })
  // What a backup that was cut left half-written.
  await rm(path.join(folder, drafts), { recursive: true, force: true })
  await mkdir(path.join(folder, drafts))

  const add = async (name: string, write: (path: string) => Promise<void>) => {
    const draft = path.join(folder, drafts, randomUUID())
    const final = path.join(folder, name)
    await write(draft)
    await flush(draft)
    await mkdir(path.dirname(final), { recursive: true })
    await rename(draft, final)
  }
  return {
    add,
    has: async ({ digest, sizeBytes }) => {
      const found = await stat(path.join(folder, objectName(digest))).catch(() => null)
      return found?.size === sizeBytes
    },
    async finish(manifest, keep) {
      await add(manifestName, (draft) => writeFile(draft, manifest, { mode: 0o600 }))
      await rm(path.join(folder, drafts), { recursive: true })
      for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
        const file = path.join(entry.parentPath, entry.name)
        const name = path.relative(folder, file).split(path.sep).join('/')
        if (entry.isFile() && name !== manifestName && !keep.has(name)) await rm(file)
      }
    },
  }
}

/**
 * One file or stream: a tar archive, written from the beginning to the end. Each of its files lies in the `drafts`
 * folder first, as an archive says sizes before bytes.
 *
 * @param end Called when all is written.
 */
export async function fileTarget(
  stream: Writable,
  { draftsFolder, now, end }: { draftsFolder: string; now: () => number; end: () => Promise<void> },
): Promise<Target> {
  await mkdir(draftsFolder, { recursive: true, mode: 0o700 })
  const write = (bytes: Buffer) =>
    new Promise<void>((resolve, reject) => stream.write(bytes, (error) => (error ? reject(error) : resolve())))
  let last = Promise.resolve()
  const append = async (name: string, file: string) => {
    const { size } = await stat(file)
    await write(tarHeader(name, size, Math.floor(now() / 1000)))
    for await (const piece of fileBytes(file)) await write(piece)
    await write(tarPadding(size))
  }
  const add = async (name: string, produce: (path: string) => Promise<void>) => {
    const draft = path.join(draftsFolder, randomUUID())
    try {
      await produce(draft)
      last = last.then(() => append(name, draft))
      await last
    } finally {
      await rm(draft, { force: true })
    }
  }
  return {
    add,
    has: async () => false,
    async finish(manifest) {
      await add(manifestName, (draft) => writeFile(draft, manifest, { mode: 0o600 }))
      await write(tarEnd)
      await end()
    },
  }
}

async function flush(file: string): Promise<void> {
  const handle = await open(file, 'r+')
  try {
    await handle.datasync()
  } finally {
    await handle.close()
  }
}
