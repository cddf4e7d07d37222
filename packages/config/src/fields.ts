import { z } from 'zod'
import { Secret } from './secret.ts'

/** What is wrong with a variable that is not a secret: what it must be, and what it is. */
const wants = (what: string) => ({
  error: (issue: { input?: unknown }) =>
    issue.input === undefined ? `is missing; give ${what}` : `must be ${what}, not ${JSON.stringify(issue.input)}`,
})

export function text(what: string): z.ZodString {
  return z.string(wants(what)).trim()
}

/** A TCP port. */
export const port = z
  .string()
  .refine((value) => /^[1-9]\d{0,4}$/.test(value) && Number(value) <= 65_535, wants('a port, 1 to 65535'))
  .transform(Number)

/** A whole number. */
export function whole({ min, max }: { min: number; max: number }) {
  const what = `a whole number, ${min} to ${max}`
  return z
    .string()
    .refine((value) => /^\d{1,15}$/.test(value) && Number(value) >= min && Number(value) <= max, wants(what))
    .transform(Number)
}

/** A time in seconds, fractions allowed. */
export function seconds(limits: { min: number; max: number }) {
  return amount('seconds', limits)
}

/** A time in days, fractions allowed. */
export function days(limits: { min: number; max: number }) {
  return amount('days', limits)
}

function amount(unit: string, { min, max }: { min: number; max: number }) {
  const what = `${unit}, ${min} to ${max}`
  return z
    .string()
    .refine((value) => /^\d+(\.\d+)?$/.test(value) && Number(value) >= min && Number(value) <= max, wants(what))
    .transform(Number)
}

/** A number of bytes, at least `min`. */
export function bytes({ min }: { min: number }) {
  return z
    .string()
    .refine((value) => /^\d{1,15}$/.test(value) && Number(value) >= min, wants(`a number of bytes from ${min}`))
    .transform(Number)
}

/** An http or https address, without a slash at its end. */
export function httpUrl(example: string) {
  return z
    .string(wants(`an http or https address, e.g. ${example}`))
    .refine((value) => hasProtocol(value, ['http:', 'https:']), wants(`an http or https address, e.g. ${example}`))
    .transform((value) => value.replace(/\/+$/, ''))
}

/** A secret; a fault never shows what was given. */
export function secret(what: string, pattern = /^[\s\S]+$/) {
  return z
    .string({ error: `is missing; give ${what}` })
    .regex(pattern, { error: `must be ${what}; what it is now is not shown, as it is secret` })
    .transform((value) => new Secret(value))
}

/** An address that carries a password. */
export function secretUrl(protocols: readonly string[], example: string) {
  return z
    .string()
    .refine((value) => hasProtocol(value, protocols), {
      error: `must be an address such as ${example}; what it is now is not shown, as it may hold a password`,
    })
    .transform((value) => new Secret(value))
}

export function oneOf<const T extends readonly [string, ...string[]]>(values: T) {
  return z.enum(values, wants(`one of ${values.join(', ')}`))
}

export function slug(what: string) {
  return z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/, wants(what))
}

function hasProtocol(value: string, protocols: readonly string[]): boolean {
  return URL.canParse(value) && protocols.includes(new URL(value).protocol)
}
