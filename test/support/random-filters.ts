import { columnNames, columns, ExperimentStatus } from '@baton/contracts'
import type { ColumnName, Filter, FilterField, FilterValue } from '@baton/contracts'
import { integer, streamKey } from '@baton/random'

/** Draws one after the other, the same for the same seed. */
export function dice(seed: number) {
  let drawn = 0
  const below = (count: number) => integer(streamKey(seed, 'dice'), drawn++, count)
  return { below, pick: <T>(from: readonly T[]): T => from[below(from.length)]! }
}
type Dice = ReturnType<typeof dice>

/** Few of each, so that equal ones meet; and what breaks a careless comparison. */
export const pool = {
  numbers: [0, 1, -1, 0.5, 0.1 + 0.2, 0.3, 2, 3, 1e-9, 1e300, 7],
  texts: ['a', 'B', 'b', 'ab', 'É', 'é', '', '%', '_', "it's", '"', '\\', 'emoji@1', '😀', 'ｚ', 'null', '1', 'true'],
  moments: [
    '2026-11-26T23:59:59.999Z',
    '2026-11-27T00:00:00.000Z',
    '2026-11-27T12:00:00.000Z',
    '2026-11-28T00:00:00.000Z',
  ].map((text) => Date.parse(text)),
} as const

const paths = [
  ['seed'],
  ['name'],
  ['model', 'name'],
  ['model', 'options', 'x'],
  ['model', 'options', '0'],
  ['model', 'options', 'list', '1'],
  ['stages', '0', 'schedule', 'lr'],
  ['stages', '1', 'schedule', 'lr'],
  ['stages', '-1', 'name'],
  ['stages', 'name'],
  ['augment'],
  ['code'],
]

/** A filter of any form, at most so deep. */
export function randomFilter(draw: Dice, depth: number): Filter {
  const form = draw.below(depth > 0 ? 8 : 5)
  if (form === 5) return { kind: 'not', part: randomFilter(draw, depth - 1) }
  if (form > 5) {
    const parts = Array.from({ length: 2 + draw.below(2) }, () => randomFilter(draw, depth - 1))
    return { kind: form === 6 ? 'and' : 'or', parts }
  }
  const field = randomField(draw)
  const value = () => randomValue(draw, field)
  const first = value()
  if (form === 0) return { kind: 'null', field }
  if (form === 1 && first.type === 'text') return { kind: 'contains', field, text: first.value }
  if (form === 2 && first.type !== 'boolean') {
    const to = value()
    if (to.type === first.type) return { kind: 'between', field, from: first, to }
  }
  const is = first.type === 'boolean' ? '=' : draw.pick(['=', '=', '<', '<=', '>', '>='] as const)
  return { kind: 'compare', field, is, value: first }
}

function randomField(draw: Dice): FilterField {
  return draw.below(3) === 0
    ? { kind: 'spec', path: draw.pick(paths) }
    : { kind: 'column', column: draw.pick(columnNames) }
}

function randomValue(draw: Dice, field: FilterField): FilterValue {
  const type = field.kind === 'column' ? columns[field.column].type : draw.pick(['number', 'text', 'boolean'] as const)
  switch (type) {
    case 'text': {
      const isStatus = field.kind === 'column' && field.column === 'status'
      return { type, value: draw.pick<string>(isStatus ? ExperimentStatus.options : pool.texts) }
    }
    case 'moment': {
      const start = draw.pick(pool.moments)
      return { type, start, end: start + draw.pick([1, 86_400_000]) }
    }
    case 'boolean':
      return { type, value: draw.below(2) === 0 }
    default:
      return { type: 'number', value: draw.pick(pool.numbers) }
  }
}

/** An experiment as a filter sees it; moments in milliseconds. */
export interface Seen {
  readonly columns: Readonly<Record<ColumnName, number | string | null>>
  readonly spec: unknown
}

/** Whether a filter holds, in plain words: the definition that SQL is held to. */
export function holds(filter: Filter, seen: Seen): boolean {
  switch (filter.kind) {
    case 'and':
      return filter.parts.every((part) => holds(part, seen))
    case 'or':
      return filter.parts.some((part) => holds(part, seen))
    case 'not':
      return !holds(filter.part, seen)
    case 'null':
      return (valueOf(filter.field, seen) ?? null) === null
    case 'contains': {
      const value = valueOf(filter.field, seen)
      return typeof value === 'string' && lower(value).includes(lower(filter.text))
    }
    case 'between':
      return compares(filter.field, '>=', filter.from, seen) && compares(filter.field, '<=', filter.to, seen)
    case 'compare':
      return compares(filter.field, filter.is, filter.value, seen)
  }
}

const lower = (text: string) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())

function compares(field: FilterField, is: string, to: FilterValue, seen: Seen): boolean {
  const value = valueOf(field, seen)
  if (to.type === 'moment')
    return typeof value === 'number' && orders(is, value < to.start ? -1 : value >= to.end ? 1 : 0)
  if (to.type === 'number') return typeof value === 'number' && orders(is, Math.sign(value - to.value))
  if (to.type === 'boolean') return value === to.value
  return typeof value === 'string' && orders(is, Buffer.compare(Buffer.from(value), Buffer.from(to.value)))
}

function orders(is: string, sign: number): boolean {
  return { '=': sign === 0, '<': sign < 0, '<=': sign <= 0, '>': sign > 0, '>=': sign >= 0 }[is]!
}

function valueOf(field: FilterField, seen: Seen): unknown {
  if (field.kind === 'column') return seen.columns[field.column]
  return field.path.reduce<unknown>((inner, key) => {
    if (Array.isArray(inner)) return /^-?\d+$/.test(key) ? (inner as unknown[]).at(Number(key)) : undefined
    return typeof inner === 'object' && inner !== null && Object.hasOwn(inner, key)
      ? (inner as Record<string, unknown>)[key]
      : undefined
  }, seen.spec)
}
