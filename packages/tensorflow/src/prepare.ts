import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { AppError } from '@baton/contracts'
import { defaultCacheDir, removeDrafts } from './cache.ts'
import { withLock } from './lock.ts'
import type { Finding, Log, Source, TensorflowReport } from './source.ts'
import { allSources } from './sources.ts'
import { readStamp, writeStamp } from './stamp.ts'

export interface PrepareOptions {
  /** Takes a line of progress for each thing that takes a while. */
  readonly log?: Log
  /** Default: `BATON_CACHE`, or `baton` in the user's cache folder. */
  readonly cacheDir?: string
}

/**
 * Makes sure that `loadTensorflow` is quick: finds a TensorFlow, or fetches one, binds tfjs-node to it and tries it.
 *
 * The first source that works wins, and is remembered in the cache until it changes. Pure JavaScript is not
 * remembered: what was lacking may be there next time. Safe to run in several processes at once; one works, the
 * others wait. Killed at any point, it leaves nothing that looks finished.
 *
 * @throws {AppError} `tensorflow-unavailable`, when not even pure JavaScript works
 */
export async function prepareTensorflow(options: PrepareOptions = {}): Promise<TensorflowReport> {
  const log = options.log ?? (() => undefined)
  const cache = await openCache(options.cacheDir)
  return (await remembered(cache)) ?? prepareAlone(cache, allSources(cache), log)
}

/** The preparation itself, by one process at a time. */
export async function prepareAlone(cache: string, sources: readonly Source[], log: Log): Promise<TensorflowReport> {
  const work = async () => {
    const meanwhile = await remembered(cache)
    if (meanwhile) return meanwhile
    await removeDrafts(cache)
    const report = await firstThatWorks(sources, log)
    await writeStamp(cache, report)
    return report
  }
  return withLock(path.join(cache, 'lock'), work, () => log('waiting for another process that prepares TensorFlow'))
}

/** What every source lacked is kept, so that a report says why the one chosen is not a better one. */
export async function firstThatWorks(sources: readonly Source[], log: Log): Promise<TensorflowReport> {
  const tried: Finding[] = []
  for (const source of sources) {
    try {
      const works = await source.prepare(log)
      const { version, device } = works
      log(`TensorFlow ${version} (${source.name}) works on ${device}`)
      tried.push({ source: source.name, found: true, detail: works.binding ?? works.version })
      return { ...works, source: source.name, tried }
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error)
      log(`TensorFlow (${source.name}): ${detail}`)
      tried.push({ source: source.name, found: false, detail })
    }
  }
  throw new AppError('tensorflow-unavailable', { tried })
}

/** The folder within Baton's cache that all of this lives in. */
export function tensorflowCache(cacheDir: string = defaultCacheDir()): string {
  return path.join(cacheDir, 'tensorflow')
}

async function openCache(cacheDir: string | undefined): Promise<string> {
  const folder = tensorflowCache(cacheDir)
  try {
    await mkdir(folder, { recursive: true })
    return folder
  } catch (cause) {
    const detail = `the cache folder ${folder} cannot be made; name one that can with BATON_CACHE`
    throw new AppError('tensorflow-unavailable', { folder }, { detail, cause })
  }
}

async function remembered(cache: string): Promise<TensorflowReport | null> {
  const report = await readStamp(cache)
  return report?.source === 'javascript' ? null : report
}
