import { z } from 'zod'
import { AppError } from '../problems.ts'
import { nearest } from '../parse.ts'
import { Moment } from '../resources.ts'
import { ExperimentStatus } from '../states.ts'

/** What a column holds, and so what it compares with. */
export type ColumnType = 'integer' | 'number' | 'text' | 'moment'

interface ColumnSpec {
  readonly type: ColumnType
  /** Where it is recorded: with the experiment, or counted in its tally while it runs. */
  readonly of: 'experiment' | 'tally'
  /** A value in an answer; nullable where it may not be there. */
  readonly schema: z.ZodType
}

const Score = z.number().nullable()
const Hours = z.number().nonnegative()
const Number0 = z.int().nonnegative()

/**
 * What experiments are listed, filtered and sorted by. One name each: in filters, in `sort` and `fields`, in answers, on
 * the command line. Each has an index, so a page in the order of any one of them reads only its own rows.
 */
export const columns = {
  /** Number within the project. */
  version: { type: 'integer', of: 'experiment', schema: z.int().positive() },
  name: { type: 'text', of: 'experiment', schema: z.string() },
  status: { type: 'text', of: 'experiment', schema: ExperimentStatus },
  /** Version that it was cloned from or repeats. */
  parent: { type: 'integer', of: 'experiment', schema: z.int().positive().nullable() },
  /** The first version of the matrix that it is an experiment of. */
  matrix: { type: 'integer', of: 'experiment', schema: z.int().positive().nullable() },
  /** Dataset and its version: `emoji@3`. */
  dataset: { type: 'text', of: 'experiment', schema: z.string() },
  /** First 12 digits of the code bundle's digest; `spec.code` has it whole. */
  code: { type: 'text', of: 'experiment', schema: z.string().nullable() },
  model: { type: 'text', of: 'experiment', schema: z.string() },
  /** Score of all OOF pooled; mean, standard deviation and extremes of the folds' scores. */
  cv: { type: 'number', of: 'experiment', schema: Score },
  cvMean: { type: 'number', of: 'experiment', schema: Score },
  cvStd: { type: 'number', of: 'experiment', schema: Score },
  /** The bounds of CV: 95 % bootstrap interval. */
  cvLow: { type: 'number', of: 'experiment', schema: Score },
  cvHigh: { type: 'number', of: 'experiment', schema: Score },
  foldMin: { type: 'number', of: 'experiment', schema: Score },
  foldMax: { type: 'number', of: 'experiment', schema: Score },
  lbPublic: { type: 'number', of: 'experiment', schema: Score },
  lbPrivate: { type: 'number', of: 'experiment', schema: Score },
  /** cv − lbPublic: above 0, CV promised more than LB gave. */
  gap: { type: 'number', of: 'experiment', schema: Score },
  /** Hours that sessions held its folds, of attempts that have ended; those of sessions with an accelerator alone. */
  sessionHours: { type: 'number', of: 'tally', schema: Hours },
  gpuHours: { type: 'number', of: 'tally', schema: Hours },
  attempts: { type: 'integer', of: 'tally', schema: Number0 },
  /** Attempts that ended handed over, stopped or lost: interruptions that cost nothing but time. */
  interruptions: { type: 'integer', of: 'tally', schema: Number0 },
  foldsTotal: { type: 'integer', of: 'tally', schema: z.int().positive() },
  foldsCompleted: { type: 'integer', of: 'tally', schema: Number0 },
  createdAt: { type: 'moment', of: 'experiment', schema: Moment },
  completedAt: { type: 'moment', of: 'experiment', schema: Moment.nullable() },
} as const satisfies Record<string, ColumnSpec>

export type ColumnName = keyof typeof columns
export const columnNames = Object.keys(columns) as [ColumnName, ...ColumnName[]]

export function isColumn(name: string): name is ColumnName {
  return Object.hasOwn(columns, name)
}

/** Whether a value may be missing. */
export function isNullable(column: ColumnName): boolean {
  return columns[column].schema.safeParse(null).success
}

type Shape = { [C in ColumnName]: (typeof columns)[C]['schema'] }
const shape = Object.fromEntries(columnNames.map((name) => [name, columns[name].schema])) as Shape

/** All columns of an experiment. */
export const WholeRow = z.strictObject(shape)

/** An experiment as lists show it: its version, and the columns that were asked for. */
export const ExperimentRow = WholeRow.partial().required({ version: true })
export type ExperimentRow = z.infer<typeof ExperimentRow>

/** The same with its place in the order and filter that were asked for, counted from 1 over all pages. */
export const LeaderboardRow = ExperimentRow.extend({ rank: z.int().positive() })
export type LeaderboardRow = z.infer<typeof LeaderboardRow>

/** What a row carries where nothing else is asked for: small, as a hundred of them are read at once. */
export const usualColumns = {
  experiments: ['version', 'name', 'status', 'foldsCompleted', 'foldsTotal', 'cv', 'lbPublic', 'createdAt'],
  leaderboard: ['version', 'name', 'code', 'cv', 'cvStd', 'lbPublic', 'gap', 'gpuHours'],
} as const satisfies Record<string, readonly ColumnName[]>

/**
 * Columns named in a list with commas; `version` is always among them, and `rank`, which is no column, may be.
 *
 * @throws {AppError} `request-invalid`, naming each unknown column and its nearest neighbour
 */
export function parseColumns(text: string): ColumnName[] {
  const words = text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== 'rank')
  const faults = words
    .filter((word) => !isColumn(word))
    .map((word) => ({ pointer: '/fields', detail: unknownColumn(word) }))
  const [first] = faults
  if (first) throw new AppError('request-invalid', {}, { detail: `/fields ${first.detail}`, faults })
  return [...new Set<ColumnName>(['version', ...words.filter(isColumn)])]
}

/** What an error says of a column that is not there. */
export function unknownColumn(word: string): string {
  const meant = nearest(word, columnNames)
  const remedy = meant === undefined ? `there are ${columnNames.join(', ')}` : `did you mean "${meant}"?`
  return `there is no column "${word.slice(0, 80)}"; ${remedy}`
}
