import type { z } from 'zod'
import { AppError, pointerOf } from './problems.ts'
import type { Fault, ProblemCode } from './problems.ts'
import { WrittenSpec } from './recipes/written-spec.ts'
import { ExperimentSpec } from './spec/index.ts'

/** Most faults that one error lists: enough to correct a file by, small enough to answer with. */
export const FAULTS_LISTED = 1000

/** The first `FAULTS_LISTED` faults, and a last one that says how many more there are. */
export function capFaults(faults: readonly Fault[]): Fault[] {
  if (faults.length <= FAULTS_LISTED) return [...faults]
  const more = { pointer: '', detail: `and ${faults.length - FAULTS_LISTED} more faults that are not listed` }
  return [...faults.slice(0, FAULTS_LISTED), more]
}

/** The known word that a mistyped one most likely means; undefined when none is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const bare = (text: string) => text.toLowerCase().replaceAll(/[-_ ]/g, '')
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(bare(word), bare(candidate)) }))
    .sort((a, b) => a.distance - b.distance)
  const best = ranked[0]
  // A third of the letters wrong is still a slip; more is another word.
  return best && best.distance <= Math.ceil(best.candidate.length / 3) ? best.candidate : undefined
}

/**
 * Fits a value to a schema and fills in its defaults, or says everything that is wrong with it at once.
 *
 * Each fault carries a JSON pointer and says what was given and what would be right; unknown keys and names come with
 * the nearest known one. Rules that compare several fields are checked once every single field is right.
 *
 * @throws {AppError} `code`, with `faults`
 */
export function parseOrThrow<S extends z.ZodType>(schema: S, value: unknown, code: ProblemCode): z.output<S> {
  const keysAt = new Map<string, string[]>()
  const result = schema.safeParse(value, {
    reportInput: true,
    // The only place where the schema that raised an issue, and so its known keys, can be seen.
    error: (issue) => {
      if (issue.code === 'unrecognized_keys') keysAt.set(pointerOf(issue.path ?? []), knownKeys(issue.inst))
      return undefined
    },
  })
  if (result.success) return result.data
  const faults = result.error.issues
    .flatMap(withinUnion)
    .flatMap((issue) => faultsOf(issue, keysAt.get(pointerOf(issue.path)) ?? []))
  const [first] = faults
  const detail = faults.length === 1 && first ? `${first.pointer || 'the value'} ${first.detail}` : undefined
  throw new AppError(code, {}, { ...(detail === undefined ? {} : { detail }), faults: capFaults(faults) })
}

/**
 * The experiment spec in a JSON value that is complete, as stored ones are: no recipe is filled in, only defaults.
 *
 * @throws {AppError} `spec-invalid`, with the JSON pointer of every fault
 */
export function parseCompleteSpec(json: unknown): ExperimentSpec {
  return parseOrThrow(ExperimentSpec, json, 'spec-invalid')
}

/**
 * The experiment spec in a JSON value, its recipe and defaults filled in.
 *
 * @throws {AppError} `spec-invalid`, with the JSON pointer of every fault
 */
export function parseSpec(json: unknown): ExperimentSpec {
  return parseOrThrow(WrittenSpec, json, 'spec-invalid')
}

function knownKeys(schema: unknown): string[] {
  const shape = (schema as { _zod?: { def?: { shape?: object } } } | undefined)?._zod?.def?.shape
  return Object.keys(shape ?? {})
}

/**
 * What is wrong within a value that is of one of a union's kinds and of none of the others: the faults of that kind.
 */
function withinUnion(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union' || !('errors' in issue)) return [issue]
  const meant = issue.errors.filter((faults) => faults.every(({ path }) => path.length > 0))
  if (meant.length !== 1) return [issue]
  return meant[0]!.flatMap((fault) => withinUnion({ ...fault, path: [...issue.path, ...fault.path] }))
}

function faultsOf(issue: z.core.$ZodIssue, known: readonly string[]): Fault[] {
  const meant = issue.code === 'invalid_union' ? meantBranch(issue) : undefined
  if (meant) return meant.flatMap((inner) => faultsOf({ ...inner, path: [...issue.path, ...inner.path] }, known))
  if (issue.code !== 'unrecognized_keys') return [{ pointer: pointerOf(issue.path), detail: describe(issue) }]
  return issue.keys.map((key) => {
    const meant = nearest(key, known)
    const remedy = meant === undefined ? `remove it; known here: ${known.join(', ')}` : `did you mean "${meant}"?`
    return { pointer: pointerOf([...issue.path, key]), detail: `the key "${key}" is not known; ${remedy}` }
  })
}

/**
 * Of one or a list of something, the faults of the form that was given, or of the one where it is neither. Undefined
 * where the union has words of its own.
 */
function meantBranch({
  errors,
  message,
}: Extract<z.core.$ZodIssue, { code: 'invalid_union' }>): z.core.$ZodIssue[] | undefined {
  const isOther = ({ code, path }: z.core.$ZodIssue) =>
    path.length === 0 && (code === 'invalid_type' || code === 'invalid_value')
  const meant = errors.find((issues) => !issues.some(isOther))
  return meant ?? (message === 'Invalid input' ? errors[0] : undefined)
}

function describe(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return mismatch(typeNames[issue.expected] ?? issue.expected, issue.input)
    case 'invalid_value':
      // Zod's own words begin so; a schema's own say why.
      return issue.message.startsWith('Invalid ') ? choice(issue.values, issue.input) : issue.message
    case 'invalid_union':
      return unionChoice(issue)
    case 'too_small':
      return mismatch(
        bound(issue.origin, issue.minimum, issue.inclusive === false ? 'more than' : 'at least'),
        issue.input,
      )
    case 'too_big':
      return mismatch(
        bound(issue.origin, issue.maximum, issue.inclusive === false ? 'less than' : 'at most'),
        issue.input,
      )
    case 'invalid_format':
      return mismatch(issue.message, issue.input)
    default:
      return issue.message
  }
}

const typeNames: Record<string, string> = {
  number: 'a number',
  int: 'a whole number',
  string: 'a string',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'an object',
  record: 'an object',
}

function mismatch(wanted: string, given: unknown): string {
  return given === undefined ? `is missing; give ${wanted}` : `must be ${wanted}, not ${shown(given)}`
}

function choice(values: readonly unknown[], given: unknown): string {
  const [only, ...others] = values
  const wanted =
    others.length === 0 ? JSON.stringify(only) : `one of ${values.map((v) => JSON.stringify(v)).join(', ')}`
  const meant = typeof given === 'string' ? nearest(given, values.map(String)) : undefined
  return mismatch(wanted, given) + (meant === undefined ? '' : `; did you mean "${meant}"?`)
}

function unionChoice(issue: Extract<z.core.$ZodIssue, { code: 'invalid_union' }>): string {
  const given = (issue.input as Record<string, unknown> | undefined)?.[issue.discriminator ?? '']
  return 'options' in issue && issue.options ? choice(issue.options, given) : issue.message
}

function bound(origin: string, limit: number | bigint, words: string): string {
  if (origin === 'string') return `${words} ${limit} character${limit === 1 ? '' : 's'} long`
  if (origin === 'array') return `a list of ${words} ${limit} ${limit === 1 ? 'entry' : 'entries'}`
  return `${words} ${limit}`
}

/** A value as an error shows it: JSON, with its type where that is what is wrong, cut where it is long. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value === 'number') return String(value)
  const text = JSON.stringify(value) ?? typeof value
  const cut = text.length > 80 ? `${text.slice(0, 77)}…"` : text
  return typeof value === 'string' ? `the string ${cut}` : cut
}

/** Insertions, deletions and substitutions between two words (Levenshtein 1966). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const substituted = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(substituted, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
