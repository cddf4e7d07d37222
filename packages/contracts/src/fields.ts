import { z } from 'zod'
import { capFaults, nearest } from './parse.ts'
import { AppError } from './problems.ts'
import type { Fault } from './problems.ts'

/** What is wanted of an object: all of a field (`true`), or some of what it holds. */
interface Wanted {
  readonly [field: string]: Wanted | true
}

/**
 * Takes the named fields of an answer, of each item where it is a list: `version,folds.status`. A field of what a list or
 * map holds is named as if it stood there once.
 *
 * @param schema What the whole answer fits.
 * @throws {AppError} `request-invalid` for a field that the schema does not have, with those that it has
 */
export function fieldPicker(schema: z.ZodType, fields: string): (answer: unknown) => unknown {
  const items = listedIn(schema)
  const wanted = parse(items ?? schema, fields)
  if (items === null) return (answer) => pick(answer, wanted)
  return (answer) => {
    const list = answer as { items: unknown[] }
    return { ...list, items: pick(list.items, wanted) }
  }
}

/** What a list or page lists; null for a schema of one thing. */
function listedIn(schema: z.ZodType): z.ZodType | null {
  const items = schema instanceof z.ZodObject ? (schema.shape as Record<string, z.ZodType>).items : undefined
  return items instanceof z.ZodArray ? (items.element as z.ZodType) : null
}

function parse(schema: z.ZodType, fields: string): Wanted {
  const wanted = empty()
  const faults: Fault[] = []
  for (const name of fields.split(',')) {
    const fault = faultOf(schema, name)
    if (fault === null) addPath(wanted, name.split('.'))
    else faults.push({ pointer: '/fields', detail: fault })
  }
  if (faults.length > 0) throw new AppError('request-invalid', {}, { faults: capFaults(faults) })
  return wanted as Wanted
}

function faultOf(schema: z.ZodType, name: string): string | null {
  let inside: readonly z.ZodType[] = [schema]
  let path = ''
  for (const field of name.split('.')) {
    const known = fieldsIn(inside)
    const next = known.get(field) ?? known.get(anyField)
    if (next === undefined) return unknownField(path, field, [...known.keys()])
    inside = next
    path += `${field}.`
  }
  return null
}

function unknownField(path: string, field: string, known: readonly string[]): string {
  const given = `there is no field ${JSON.stringify(cut(path + field))}`
  if (known.length === 0) return `${given}: ${path.slice(0, -1)} holds none`
  const meant = nearest(field, known)
  return meant === undefined
    ? `${given}; there are ${known.map((name) => path + name).join(', ')}`
    : `${given}; did you mean "${path}${meant}"?`
}

const cut = (text: string) => (text.length > 80 ? `${text.slice(0, 79)}…` : text)

/** Stands for every name in a map. It is no name that a query can have. */
const anyField = '*'

/** The fields of what any of the schemas describes, each with what it may be. */
function fieldsIn(schemas: readonly z.ZodType[]): Map<string, z.ZodType[]> {
  const known = new Map<string, z.ZodType[]>()
  const add = (name: string, schema: z.ZodType) => known.set(name, [...(known.get(name) ?? []), schema])
  const visit = (schema: z.ZodType): void => {
    if (schema instanceof z.ZodObject)
      Object.entries<z.ZodType>(schema.shape).forEach(([name, part]) => add(name, part))
    else if (schema instanceof z.ZodRecord) add(anyField, schema.valueType as z.ZodType)
    else if (schema instanceof z.ZodArray) visit(schema.element as z.ZodType)
    else if (schema instanceof z.ZodUnion) (schema.options as z.ZodType[]).forEach(visit)
    else if (schema instanceof z.ZodPipe) visit(schema.out as z.ZodType)
    else if (isWrapper(schema)) visit(schema.unwrap() as z.ZodType)
  }
  schemas.forEach(visit)
  return known
}

function isWrapper(schema: z.ZodType): schema is z.ZodOptional | z.ZodNullable | z.ZodDefault {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault
}

/** Without a prototype, whose names a caller might name. */
const empty = () => Object.create(null) as Record<string, unknown>

/** All of a field includes any part of it that is named too. */
function addPath(wanted: Record<string, unknown>, [field, ...rest]: readonly string[]): void {
  const before = wanted[field!]
  if (before === true) return
  const inside = (before ?? empty()) as Record<string, unknown>
  wanted[field!] = rest.length === 0 ? true : inside
  if (rest.length > 0) addPath(inside, rest)
}

function pick(value: unknown, wanted: Wanted): unknown {
  if (Array.isArray(value)) return value.map((item) => pick(item, wanted))
  if (typeof value !== 'object' || value === null) return value
  const picked: Record<string, unknown> = {}
  for (const [field, inside] of Object.entries(wanted)) {
    if (!Object.hasOwn(value, field)) continue
    const held = (value as Record<string, unknown>)[field]
    picked[field] = inside === true ? held : pick(held, inside)
  }
  return picked
}
