import { access, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { AppError } from '@baton/contracts'
import type { BundleModule, ChangeBatch } from '../models/bundle.ts'
import { guardBundle } from '../models/guard-bundle.ts'

function failed(detail: string, cause?: unknown): AppError {
  return new AppError('user-code-failed', {}, { detail, cause })
}

/**
 * Imports a code bundle: `index.js` or `index.mjs` at its top, an ES module that exports any of `model`, `loss` and
 * `dataset`. Without a package.json of its own, its `.js` files are ES modules too.
 *
 * @param dir The unpacked bundle; may be written to.
 * @throws {AppError} `user-code-failed`
 */
export async function loadBundle(dir: string): Promise<BundleModule> {
  await writeFile(path.join(dir, 'package.json'), '{"type":"module"}', { flag: 'wx' }).catch(ignoreExisting)
  const entry = await findEntry(dir)
  const module = await (import(/* @vite-ignore */ pathToFileURL(entry).href) as Promise<BundleModule>).catch(
    (cause: unknown) => {
      throw failed(`${path.basename(entry)} cannot be imported: ${reasonOf(cause)}`, cause)
    },
  )
  if (!module.model && !module.loss && !module.dataset)
    throw failed(`${path.basename(entry)} exports none of model, loss and dataset`)
  return module
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}

async function findEntry(dir: string): Promise<string> {
  for (const name of ['index.js', 'index.mjs']) {
    const file = path.join(dir, name)
    const isThere = await access(file).then(
      () => true,
      () => false,
    )
    if (isThere) return file
  }
  throw failed('the code bundle has neither index.js nor index.mjs at its top')
}

/** The bundle's own augmentation, where it has one. @throws {AppError} `user-code-failed` */
export function datasetOf(bundle: BundleModule | null, classes: number, imageSize: number): ChangeBatch | null {
  if (!bundle?.dataset) return null
  return guardBundle('dataset', guardBundle('dataset', bundle.dataset)({ classes, imageSize }))
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}

/** The lines of a failure's stack that the bundle's author can do something with: paths begin at the bundle. */
export function stackLines(error: unknown, dir: string): string[] {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  const [first, ...rest] = stack.split('\n')
  const own = rest.filter((line) => !/^\s+at /.test(line) || line.includes(dir))
  return [first!, ...own].slice(0, 12).map((line) => line.replaceAll(pathToFileURL(dir).href, '').replaceAll(dir, ''))
}
