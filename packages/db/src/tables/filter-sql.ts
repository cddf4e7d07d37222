import { assertNever, columns } from '@baton/contracts'
import type { ColumnName, Filter, FilterField, FilterValue } from '@baton/contracts'
import { Prisma } from '../generated/client.ts'

/** Each column in the tables `experiment e` and `tally t`. */
export const columnSql: Readonly<Record<ColumnName, Prisma.Sql>> = {
  version: Prisma.sql`e.version`,
  name: Prisma.sql`e.name`,
  status: Prisma.sql`e.status`,
  parent: Prisma.sql`e.parent`,
  matrix: Prisma.sql`e.matrix`,
  dataset: Prisma.sql`e.dataset`,
  code: Prisma.sql`e.code`,
  model: Prisma.sql`e.model`,
  cv: Prisma.sql`e.cv`,
  cvMean: Prisma.sql`e.cv_mean`,
  cvStd: Prisma.sql`e.cv_std`,
  cvLow: Prisma.sql`e.cv_low`,
  cvHigh: Prisma.sql`e.cv_high`,
  foldMin: Prisma.sql`e.fold_min`,
  foldMax: Prisma.sql`e.fold_max`,
  lbPublic: Prisma.sql`e.lb_public`,
  lbPrivate: Prisma.sql`e.lb_private`,
  gap: Prisma.sql`e.gap`,
  sessionHours: Prisma.sql`t.session_hours`,
  gpuHours: Prisma.sql`t.gpu_hours`,
  attempts: Prisma.sql`t.attempts`,
  interruptions: Prisma.sql`t.interruptions`,
  foldsTotal: Prisma.sql`t.folds_total`,
  foldsCompleted: Prisma.sql`t.folds_completed`,
  createdAt: Prisma.sql`e.created_at`,
  completedAt: Prisma.sql`e.completed_at`,
}

/**
 * A filter as an SQL condition over `experiment e` and `tally t`. Values and paths are parameters, whatever they are;
 * only columns of the table above stand in the text.
 *
 * NOT is moved down to the comparisons, where `IS NOT TRUE` makes of SQL's unknown what the filter means: so the others
 * stay as an index can use them.
 */
export function filterSql(filter: Filter, negated = false): Prisma.Sql {
  switch (filter.kind) {
    case 'and':
    case 'or': {
      const joint = (filter.kind === 'and') === negated ? ' OR ' : ' AND '
      const parts = filter.parts.map((part) => filterSql(part, negated))
      return Prisma.sql`(${Prisma.join(parts, joint)})`
    }
    case 'not':
      return filterSql(filter.part, !negated)
    default: {
      const condition = comparisonSql(filter)
      return negated ? Prisma.sql`(${condition}) IS NOT TRUE` : condition
    }
  }
}

type Comparison = Exclude<Filter, { kind: 'and' | 'or' | 'not' }>

function comparisonSql(filter: Comparison): Prisma.Sql {
  const { field } = filter
  switch (filter.kind) {
    case 'compare':
      return compareSql(field, filter.is, filter.value)
    case 'between':
      return Prisma.sql`(${compareSql(field, '>=', filter.from)} AND ${compareSql(field, '<=', filter.to)})`
    case 'contains': {
      // Under "C" only A to Z have lower case.
      const within = Prisma.sql`lower(${textOf(field)} COLLATE "C")`
      return Prisma.sql`strpos(${within}, lower(${filter.text}::text COLLATE "C")) > 0`
    }
    case 'null':
      return field.kind === 'column'
        ? Prisma.sql`${columnSql[field.column]} IS NULL`
        : Prisma.sql`coalesce(${jsonAt(field.path)}, 'null') = 'null'`
    default:
      return assertNever(filter)
  }
}

type Operator = '=' | '<' | '<=' | '>' | '>='
const operators: Readonly<Record<Operator, Prisma.Sql>> = {
  '=': Prisma.sql`=`,
  '<': Prisma.sql`<`,
  '<=': Prisma.sql`<=`,
  '>': Prisma.sql`>`,
  '>=': Prisma.sql`>=`,
}

function compareSql(field: FilterField, is: Operator, value: FilterValue): Prisma.Sql {
  const operator = operators[is]
  switch (value.type) {
    case 'number':
      if (field.kind === 'spec' && is === '=') return specEquals(field.path, value.value)
      return Prisma.sql`${numberOf(field)} ${operator} ${numberParameter(field, value.value)}`
    case 'text':
      if (field.kind === 'spec' && is === '=') return specEquals(field.path, value.value)
      // Equality needs no collation, and without one finds the index.
      return is === '='
        ? Prisma.sql`${textOf(field)} = ${value.value}::text`
        : Prisma.sql`${textOf(field)} COLLATE "C" ${operator} ${value.value}::text`
    case 'boolean':
      return field.kind === 'spec' ? specEquals(field.path, value.value) : Prisma.sql`false`
    case 'moment':
      return momentSql(field, is, value)
    default:
      return assertNever(value)
  }
}

/** A whole number for a column of whole numbers, so that its index is used. */
function numberParameter(field: FilterField, value: number): Prisma.Sql {
  const isWhole = Number.isInteger(value) && Math.abs(value) <= 0x7fff_ffff
  return field.kind === 'column' && columns[field.column].type === 'integer' && isWhole
    ? Prisma.sql`${value}::int4`
    : Prisma.sql`${value}::float8`
}

/** The span's start is in it, its end is not. */
function momentSql(field: FilterField, is: Operator, span: { start: number; end: number }): Prisma.Sql {
  const column = field.kind === 'column' ? columnSql[field.column] : Prisma.sql`NULL::timestamptz`
  const [start, end] = [momentParameter(span.start), momentParameter(span.end)]
  switch (is) {
    case '=':
      return Prisma.sql`(${column} >= ${start} AND ${column} < ${end})`
    case '<':
      return Prisma.sql`${column} < ${start}`
    case '<=':
      return Prisma.sql`${column} < ${end}`
    case '>':
      return Prisma.sql`${column} >= ${end}`
    case '>=':
      return Prisma.sql`${column} >= ${start}`
    default:
      return assertNever(is)
  }
}

function momentParameter(ms: number): Prisma.Sql {
  return Prisma.sql`${new Date(ms).toISOString()}::timestamptz`
}

function jsonAt(path: readonly string[]): Prisma.Sql {
  return Prisma.sql`(e.spec #> ${[...path]}::text[])`
}

/** The value if it is of the type, else NULL. CASE keeps the cast from what it does not fit. */
function numberOf(field: FilterField): Prisma.Sql {
  if (field.kind === 'column') return columnSql[field.column]
  const json = jsonAt(field.path)
  return Prisma.sql`CASE WHEN jsonb_typeof(${json}) = 'number' THEN ${json}::float8 END`
}

function textOf(field: FilterField): Prisma.Sql {
  if (field.kind === 'column') return columnSql[field.column]
  return Prisma.sql`CASE WHEN jsonb_typeof(${jsonAt(field.path)}) = 'string' THEN e.spec #>> ${[...field.path]}::text[] END`
}

/** Equality, with the containment that it implies, which is what the index of all specs knows. */
function specEquals(path: readonly string[], value: string | number | boolean): Prisma.Sql {
  const json = JSON.stringify(value)
  const exact = Prisma.sql`${jsonAt(path)} = ${json}::jsonb`
  const implied = containing(path, value)
  return implied === null ? exact : Prisma.sql`(e.spec @> ${JSON.stringify(implied)}::jsonb AND ${exact})`
}

/**
 * A document that every spec with this value at this path contains, null where that cannot be told: a number in a path
 * is a place in the list `stages`; elsewhere it may be a key as well.
 */
function containing(path: readonly string[], value: string | number | boolean): unknown {
  const isNumber = (key: string) => /^-?\d+$/.test(key)
  const isPlace = (key: string, i: number) => isNumber(key) && i === 1 && path[0] === 'stages'
  if (path.some((key, i) => isNumber(key) && !isPlace(key, i))) return null
  return path.reduceRight<unknown>((inner, key, i) => (isPlace(key, i) ? [inner] : { [key]: inner }), value)
}
