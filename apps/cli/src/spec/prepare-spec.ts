import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { packBundle } from '@baton/bundle'
import type { PackedBundle } from '@baton/bundle'
import { AppError, Digest, expandMatrix, isObject, MatrixSpec, parseOrThrow, parseSpec } from '@baton/contracts'
import type { Cell, ExperimentSpec, StageSpec } from '@baton/contracts'
import { UsageError } from '../exit.ts'
import { readSpecFile, withPlaces } from './spec-file.ts'

export interface PreparedSpec {
  /** Of a matrix, the spec of its first experiment. */
  readonly spec: ExperimentSpec
  /** What the file says where it has a matrix, and the experiments of it. */
  readonly matrix: { readonly spec: MatrixSpec; readonly cells: readonly Cell[] } | null
  /** The folder that the spec's `code` names, packed; null where it names none. */
  readonly bundle: PackedBundle | null
}

/**
 * Reads a spec file, lays `--set` changes over it, checks it, and hands it to `use`. Faults, those that `use` comes
 * upon too, say where in the file they are.
 *
 * @throws {AppError} `spec-invalid`, `bundle-invalid`; {UsageError} for a file that cannot be read
 */
export async function withSpec<T>(
  fileName: string,
  changes: readonly string[] | undefined,
  use: (prepared: PreparedSpec) => Promise<T>,
): Promise<T> {
  const file = readSpecFile(await readText(fileName), fileName, changes)
  try {
    return await use(await prepare(file.value, path.dirname(fileName)))
  } catch (error) {
    throw withPlaces(error, file)
  }
}

/**
 * The stages of a file that holds one or a list of them, unchecked: what they are put into is checked as a whole.
 *
 * @throws {AppError} `spec-invalid` when it is not YAML; {UsageError} for a file that cannot be read
 */
export async function readStages(fileName: string): Promise<StageSpec[]> {
  return [readSpecFile(await readText(fileName), fileName).value].flat() as StageSpec[]
}

async function readText(fileName: string): Promise<string> {
  try {
    return await readFile(fileName, 'utf8')
  } catch (error) {
    throw new UsageError(`${fileName} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown reason'}`)
  }
}

/** The valid spec, with the packed bundle where its `code` names a folder. */
async function prepare(value: unknown, besides: string): Promise<PreparedSpec> {
  const code = (value as { code?: unknown } | null)?.code
  if (typeof code !== 'string' || Digest.safeParse(code).success) return { ...parse(value), bundle: null }
  const bundle = await packBundle(path.resolve(besides, code)).catch((error: unknown) => {
    if ((error as AppError).faults?.[0]?.pointer !== path.resolve(besides, code)) throw error
    const detail = `names no folder beside the spec and no digest: "${code}"`
    throw new AppError('spec-invalid', {}, { faults: [{ pointer: '/code', detail }], cause: error })
  })
  return { ...parse({ ...(value as object), code: bundle.digest }), bundle }
}

function parse(value: unknown): Omit<PreparedSpec, 'bundle'> {
  if (!isObject(value) || !('matrix' in value)) return { spec: parseSpec(value), matrix: null }
  const spec = parseOrThrow(MatrixSpec, value, 'spec-invalid')
  const cells = expandMatrix(spec)
  return { spec: cells[0]!.spec, matrix: { spec, cells } }
}
