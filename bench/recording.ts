import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import type { Figure } from './figure.ts'
import type { Machine } from './machine.ts'
import { repositoryFile } from './repository.ts'

/** What one run of a benchmark measured, and on what. */
export interface Recording {
  readonly benchmark: string
  readonly summary: string
  readonly machine: Machine
  /** TensorFlow that Baton computes with, and where it is from. */
  readonly tensorflow: string
  /** When it began, by ISO 8601. */
  readonly date: string
  readonly seconds: number
  /** Of the code; null outside of a repository. */
  readonly commit: string | null
  readonly repetitions: number
  /** What else to know of how it was measured. */
  readonly notes: readonly string[]
  readonly figures: readonly Figure[]
}

/** One file a benchmark: recording one leaves what is known of the others. */
export async function writeRecording(folder: string, recording: Recording): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(path.join(folder, `${recording.benchmark}.json`), `${JSON.stringify(recording, null, 2)}\n`)
}

/** By the names of their benchmarks; none where none was ever written. */
export async function readRecordings(folder: string): Promise<ReadonlyMap<string, Recording>> {
  const files = (existsSync(folder) ? await readdir(folder) : []).filter((name) => name.endsWith('.json'))
  const recordings = files.map(async (name) => JSON.parse(await readFile(path.join(folder, name), 'utf8')) as Recording)
  return new Map((await Promise.all(recordings)).map((recording) => [recording.benchmark, recording]))
}

/** The commit of the code that runs, and whether files differ from it. */
export async function currentCommit(): Promise<string | null> {
  const git = async (...args: string[]) =>
    (await promisify(execFile)('git', ['-C', repositoryFile('.'), ...args])).stdout.trim()
  try {
    const commit = await git('rev-parse', '--short=12', 'HEAD')
    // What earlier recordings changed is no part of what is measured.
    const changed = await git('status', '--porcelain', '--', '.', ':!bench/recorded', ':!docs')
    return changed === '' ? commit : `${commit} with changes`
  } catch {
    return null
  }
}
