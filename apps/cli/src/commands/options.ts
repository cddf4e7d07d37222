import { Slug } from '@baton/contracts'
import { InvalidArgumentError, Option } from 'commander'

/** What `--help` ends with. */
export function example(...lines: string[]): string {
  return `\nExample${lines.length === 1 ? '' : 's'}:\n${lines.map((line) => `  ${line}`).join('\n')}`
}

export function projectOption(): Option {
  return new Option(
    '-p, --project <project>',
    'the project (default BATON_PROJECT, or the only one there is)',
  ).argParser(slugArgument)
}

export function jsonOption(): Option {
  return new Option('--json', 'print JSON')
}

export function setOption(): Option {
  return new Option(
    '--set <key=value>',
    'change the spec, e.g. stages.0.epochs=3; may be given several times',
  ).argParser(repeated)
}

export function watchOption(): Option {
  return new Option('--watch', 'show events and progress until it ends; exits 3 if it fails')
}

export function keyOption(): Option {
  return new Option('--idempotency-key <key>', 'starting again with the same key and spec starts nothing new')
}

/** Options that nearly every command has. */
export interface CommonOptions {
  readonly project?: string
  readonly json?: boolean
}

export function slugArgument(text: string): string {
  if (Slug.safeParse(text).success) return text
  throw new InvalidArgumentError('It must be lower-case letters, digits and inner hyphens, at most 64.')
}

/** `41`, `#41` or `v41`. */
export function versionArgument(text: string): number {
  const digits = /^[#v]?(\d{1,9})$/.exec(text)?.[1]
  if (digits !== undefined && Number(digits) > 0) return Number(digits)
  throw new InvalidArgumentError('It must be the number of an experiment, e.g. 41.')
}

/** A parser of numbers within bounds, both included. */
export function numberArgument({
  min = -Infinity,
  max = Infinity,
  isWhole = false,
}: { min?: number; max?: number; isWhole?: boolean } = {}): (text: string) => number {
  return (text) => {
    const value = Number(text)
    const fits = text.trim() !== '' && Number.isFinite(value) && value >= min && value <= max
    if (fits && (!isWhole || Number.isInteger(value))) return value
    const lower = min === -Infinity ? '' : ` from ${min}`
    const upper = max === Infinity ? '' : ` up to ${max}`
    throw new InvalidArgumentError(`It must be a ${isWhole ? 'whole ' : ''}number${lower}${upper}.`)
  }
}

/** Gathers an option that may stand several times. */
export function repeated(text: string, before: readonly string[] = []): string[] {
  return [...before, text]
}

/** A number, or the word that takes one back: Commander has no null. */
export type OrNone = number | 'none'

export function orNone(parse: (text: string) => number): (text: string) => OrNone {
  return (text) => (text === 'none' ? text : parse(text))
}

/** Those of the numbers that were given, as the API takes them. */
export function givenOf<K extends string>(
  options: Readonly<Record<K, OrNone | undefined>>,
): Partial<Record<K, number | null>> {
  const given = Object.entries<OrNone | undefined>(options).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given.map(([key, value]) => [key, value === 'none' ? null : value])) as Partial<
    Record<K, number | null>
  >
}
