import path from 'node:path'

/** A file of the repository: what runs is a bundle, four folders below it. */
export function repositoryFile(name: string): string {
  return path.resolve(import.meta.dirname, '../../../..', name)
}
