import { AppError } from '@baton/contracts'

/** No body of ours is nested deeper than a dozen; what recurses over one must not run out of stack. */
const deepest = 64

/**
 * A JSON value as the database can keep it: in keys and strings, NUL and halves of characters (lone surrogates, which
 * a line that was cut in the middle of an emoji ends in) become U+FFFD. Refusing them would cost a training its lease
 * for a line of its log.
 *
 * @throws {AppError} `request-invalid` for a value that is nested too deeply
 */
export function storable(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return value.replace(/[\0\p{Surrogate}]/gu, '\ufffd')
  if (typeof value !== 'object' || value === null) return value
  if (depth === deepest)
    throw new AppError('request-invalid', {}, { detail: `the body is nested more than ${deepest} levels deep` })
  if (Array.isArray(value)) return value.map((item) => storable(item, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [storable(key) as string, storable(item, depth + 1)]),
  )
}
