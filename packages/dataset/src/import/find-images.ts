import { readdir, realpath, stat } from 'node:fs/promises'
import { basename, join, sep } from 'node:path'
import type { Fault } from '@baton/contracts'
import { reasonOf } from './fault.ts'

/** A picture's name as rows write it, separated by `/`, and where its bytes are. */
export interface ImageFile {
  readonly name: string
  readonly path: string
}

export interface FoundImages {
  readonly files: ImageFile[]
  readonly faults: Fault[]
}

/**
 * The files that may be pictures: those of a folder and the folders in it, or a list of paths, whose names are then
 * their last part. Names that start with a dot are passed over. A link may stand for a file inside the folder only:
 * whoever made the folder must not choose what else of this machine gets into a dataset.
 */
export async function findImages(images: string | readonly string[]): Promise<FoundImages> {
  return typeof images === 'string' ? walk(images) : listed(images)
}

async function listed(paths: readonly string[]): Promise<FoundImages> {
  const files: ImageFile[] = []
  const faults: Fault[] = []
  for (const path of paths) {
    const isFile = await stat(path).then(
      (stats) => stats.isFile(),
      () => false,
    )
    if (isFile) files.push({ name: basename(path), path })
    else faults.push({ pointer: path, detail: 'there is no such file' })
  }
  return { files, faults }
}

async function walk(root: string): Promise<FoundImages> {
  const files: ImageFile[] = []
  const faults: Fault[] = []
  let realRoot = root
  const visit = async (prefix: string): Promise<void> => {
    for (const entry of await readdir(join(root, prefix), { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue
      const name = prefix + entry.name
      const path = join(root, name)
      if (entry.isDirectory()) await visit(`${name}/`)
      else if (entry.isFile()) files.push({ name, path })
      else if (entry.isSymbolicLink()) {
        const detail = await linkFault(path, realRoot)
        if (detail === undefined) files.push({ name, path })
        else faults.push({ pointer: name, detail })
      } else faults.push({ pointer: name, detail: 'it is neither a file nor a folder; remove it' })
    }
  }
  try {
    realRoot = await realpath(root)
    await visit('')
  } catch (error) {
    faults.push({ pointer: root, detail: `the image folder cannot be read: ${reasonOf(error)}` })
  }
  return { files, faults }
}

async function linkFault(path: string, realRoot: string): Promise<string | undefined> {
  const target = await realpath(path).catch(() => undefined)
  if (target === undefined) return 'it is a link to nothing; remove it'
  if (!target.startsWith(realRoot + sep)) return 'it is a link out of the image folder; put the file itself there'
  return (await stat(target)).isFile() ? undefined : 'it is a link to a folder; put the folder itself there'
}
