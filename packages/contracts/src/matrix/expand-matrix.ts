import { applyMergePatch, isObject } from '../merge-patch.ts'
import { parseCompleteSpec } from '../parse.ts'
import { AppError, isAppError } from '../problems.ts'
import type { Fault } from '../problems.ts'
import { fillInRecipe } from '../recipes/fill-in.ts'
import { foldsOf } from '../spec/index.ts'
import type { ExperimentSpec } from '../spec/index.ts'
import { CELLS_MAX } from './matrix-spec.ts'
import type { CellValues, HalvingSpec, MatrixAxes, MatrixSpec } from './matrix-spec.ts'

/** One experiment of a matrix. */
export interface Cell {
  readonly values: CellValues
  readonly spec: ExperimentSpec
}

/**
 * The experiments of a matrix: the combinations of its axes, the first axis slowest, then what is included. Each is
 * named by the matrix and by what it has otherwise.
 *
 * @throws {AppError} `spec-invalid`: too many, none, two of them the same, or faults of their specs, which say the
 *   experiment unless all of them have it
 */
export function expandMatrix({ matrix, halving, ...base }: MatrixSpec): Cell[] {
  const all = cellsOf(matrix)
  if (all.length === 0) throw wrong('/matrix', 'has no experiment: all combinations are excluded')
  const parsed = all.map((values) => parseCell(base, values))
  throwFaults(parsed)
  const cells = parsed as Cell[]
  throwTwins(cells)
  if (halving !== null) checkHalving(halving, cells)
  return cells
}

/** What a cell has otherwise, in few words: `lr=0.1, loss=focal`. */
export function cellLabel(values: CellValues): string {
  const parts = Object.entries(values).map(([path, value]) => `${keysOf(path).at(-1)!}=${shortly(value)}`)
  return parts.length === 0 ? 'as it is' : parts.join(', ')
}

function shortly(value: CellValues[string]): string {
  if (typeof value === 'string') return value
  const name = isObject(value) ? value.name : undefined
  return typeof name === 'string' ? name : JSON.stringify(value)
}

function cellsOf({ include, exclude, ...axes }: MatrixAxes): CellValues[] {
  const entries = Object.entries(axes)
  const combinations = entries.reduce((product, [, values]) => product * values.length, entries.length === 0 ? 0 : 1)
  if (combinations > 100 * CELLS_MAX) throw tooMany(combinations)
  const product = entries.reduce<CellValues[]>(
    (cells, [path, values]) => cells.flatMap((cell) => values.map((value) => ({ ...cell, [path]: value }))),
    entries.length === 0 ? [] : [{}],
  )
  const cells = [...product.filter((cell) => !exclude.some((out) => hasAll(cell, out))), ...include]
  if (cells.length > CELLS_MAX) throw tooMany(cells.length)
  return cells
}

function hasAll(cell: CellValues, values: CellValues): boolean {
  return Object.entries(values).every(
    ([path, value]) => Object.hasOwn(cell, path) && canonical(cell[path]) === canonical(value),
  )
}

/** JSON whose keys are in order, so that equal values are equal texts. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    isObject(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  )
}

interface Refused {
  readonly values: CellValues
  readonly faults: readonly Fault[]
}

function parseCell(base: Readonly<Record<string, unknown>>, values: CellValues): Cell | Refused {
  const { recipe = base.recipe, ...rest } = values
  const name = `${String(base.name)}: ${cellLabel(values)}`.slice(0, 120)
  // Values are laid over what the recipe says too: null takes that away.
  const whole = fillInRecipe({ ...base, ...(recipe === undefined ? {} : { recipe }), name })
  try {
    return { values, spec: parseCompleteSpec(applyMergePatch(whole, patchOf(rest))) }
  } catch (error) {
    if (!isAppError(error, 'spec-invalid')) throw error
    return { values, faults: error.faults }
  }
}

/** The merge patch that sets each value where its path leads. */
function patchOf(values: CellValues): unknown {
  return Object.entries(values).reduce<unknown>((patch, [path, value]) => {
    const nested = keysOf(path).reduceRight<unknown>((inner, key) => ({ [key]: inner }), value)
    return merged(patch, nested)
  }, {})
}

/** Both patches in one. Unlike when they are applied, null is kept: it takes something away. */
function merged(a: unknown, b: unknown): unknown {
  if (!isObject(a) || !isObject(b)) return b
  const entries = new Map(Object.entries(a))
  for (const [key, value] of Object.entries(b)) entries.set(key, merged(entries.get(key), value))
  return Object.fromEntries(entries)
}

function keysOf(path: string): string[] {
  if (!path.startsWith('/')) return path.split('.')
  const keys = path.slice(1).split('/')
  return keys.map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function throwFaults(cells: readonly (Cell | Refused)[]): void {
  const refused = cells.filter((cell): cell is Refused => 'faults' in cell)
  if (refused.length === 0) return
  const texts = refused.map(({ faults }) => new Set(faults.map(canonical)))
  const isOfAll = (fault: Fault) => refused.length === cells.length && texts.every((set) => set.has(canonical(fault)))
  const faults = refused.flatMap(({ values, faults: own }, i) =>
    own
      .filter((fault) => i === 0 || !isOfAll(fault))
      .map((fault) => (isOfAll(fault) ? fault : { ...fault, detail: `${fault.detail} (where ${cellLabel(values)})` })),
  )
  throw new AppError('spec-invalid', {}, { faults })
}

/** Stopping one for another's scores wants folds of the same samples, and the same metric. */
function checkHalving({ afterFolds }: HalvingSpec, cells: readonly Cell[]): void {
  const [first] = cells
  const parts = ['dataset', 'seed', 'folds', 'metric'] as const
  for (const { spec, values } of cells)
    for (const part of parts)
      if (canonical(spec[part]) !== canonical(first!.spec[part]))
        throw wrong('/halving', `compares scores on the same samples; ${part} is another where ${cellLabel(values)}`)
  const folds = foldsOf(first!.spec).length
  if (folds <= afterFolds)
    throw wrong('/halving/afterFolds', `must be below ${folds}, the folds of each experiment: nothing is left to save`)
}

function throwTwins(cells: readonly Cell[]): void {
  const seen = new Map<string, Cell>()
  for (const cell of cells) {
    const { name: _, ...rest } = cell.spec
    const twin = seen.get(canonical(rest))
    if (twin)
      throw wrong('/matrix', `has the same experiment twice: ${cellLabel(twin.values)}, and ${cellLabel(cell.values)}`)
    seen.set(canonical(rest), cell)
  }
}

function tooMany(cells: number): AppError {
  return wrong(
    '/matrix',
    `has ${cells} experiments, at most ${CELLS_MAX} may be in one: take values away, exclude some, or make several`,
  )
}

function wrong(pointer: string, detail: string): AppError {
  return new AppError('spec-invalid', {}, { detail: `${pointer} ${detail}`, faults: [{ pointer, detail }] })
}
