import { z } from 'zod'

export const Positive = z.number().positive()
/** A layer group of the model, `layer1` say; which there are is the model's to say. */
export const GroupName = z.string().regex(/^[\w.-]{1,64}$/, 'the name of a layer group')
export const Probability = z.number().min(0).max(1)

/** Names a field that is wrong beside another one, with the reason and the remedy. `path` is relative to the part. */
export type AddFault = (path: readonly PropertyKey[], message: string) => void

/** The lower end of a range must not be above its upper end. */
export function checkOrder<K extends string>(
  part: Readonly<Record<K, number>>,
  [from, to]: [K, K],
  fault: AddFault,
): void {
  if (part[from] > part[to]) fault([from], `${from} must not be above ${to}`)
}

/** One of something, or a list of them. */
export function oneOrMore<T extends z.ZodType>(schema: T, { max }: { max: number }) {
  return z.union([schema, z.array(schema).min(1).max(max)])
}

export function listOf<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T]
}
