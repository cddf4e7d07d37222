import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import path from 'node:path'

const DRAFT = '.draft-'

/**
 * The folder for what can be fetched or made again: `BATON_CACHE`, or `baton` in the user's cache folder.
 * Not node_modules: `npm ci` empties that, and it may be read-only.
 */
export function defaultCacheDir(env: NodeJS.ProcessEnv = process.env): string {
  const given = (name: string) => (env[name] === '' ? undefined : env[name])
  return path.resolve(
    given('BATON_CACHE') ?? path.join(given('XDG_CACHE_HOME') ?? path.join(homedir(), '.cache'), 'baton'),
  )
}

/**
 * The folder `target`, made by `fill` unless it is there already.
 *
 * It is filled under another name and renamed once whole, so a process killed half-way leaves nothing that looks
 * finished.
 */
export async function makeOnce(target: string, fill: (draft: string) => Promise<void>): Promise<string> {
  if (existsSync(target)) return target
  const draft = `${target}${DRAFT}${randomUUID()}`
  await mkdir(draft, { recursive: true })
  try {
    await fill(draft)
    await rename(draft, target)
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    // Another process was first with the same.
    if (!existsSync(target)) throw error
  }
  return target
}

/** Removes what killed processes left half-made. Only for whoever holds the folder's lock. */
export async function removeDrafts(folder: string): Promise<void> {
  const drafts = (await readdir(folder)).filter((name) => name.includes(DRAFT))
  await Promise.all(drafts.map((name) => rm(path.join(folder, name), { recursive: true, force: true })))
}
