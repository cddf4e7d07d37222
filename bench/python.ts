import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { defaultCacheDir } from '@baton/tensorflow'
import type { Run } from './figure.ts'

const run = promisify(execFile)

/** What a program of a peer is run by: Python packages in an environment of their own. */
export interface PythonPackages {
  /** Names the environment. */
  readonly name: string
  /** Pinned: `numpy==1.26.4`. */
  readonly packages: readonly string[]
}

/**
 * A Python environment with these packages, made once, in Baton's cache: nothing else of Baton needs them.
 *
 * @returns its folder `bin`
 * @throws {Error} of pip, when it cannot install them
 */
export async function installPython({ name, packages }: PythonPackages, say: Run['say']): Promise<string> {
  const environment = path.join(defaultCacheDir(), 'bench', name)
  const bin = path.join(environment, 'bin')
  const isWhole = path.join(environment, 'whole')
  if (existsSync(isWhole)) return bin
  say(`installing ${packages.join(' ')} into ${environment}`)
  await run('python3', ['-m', 'venv', '--clear', environment])
  await run(path.join(bin, 'python'), ['-m', 'pip', 'install', '--quiet', ...packages], { maxBuffer: 2 ** 24 })
  await writeFile(isWhole, '')
  return bin
}
