import { expect, test } from 'vitest'
import { z } from 'zod'
import { fieldPicker } from './fields.ts'
import { pageOf } from './routes/parts.ts'

const Thing = z.strictObject({
  name: z.string(),
  score: z.number().nullable(),
  folds: z.array(z.strictObject({ index: z.int(), failure: z.strictObject({ code: z.string() }).nullable() })),
  model: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('a'), width: z.int() }),
    z.strictObject({ kind: z.literal('b'), depth: z.int() }),
  ]),
  thresholds: z.record(z.string(), z.number()).nullable(),
})
const thing: z.infer<typeof Thing> = {
  name: 'x',
  score: null,
  folds: [
    { index: 0, failure: null },
    { index: 1, failure: { code: 'c' } },
  ],
  model: { kind: 'b', depth: 3 },
  thresholds: { all: 0.5, tag: 0.1 },
}

test.each([
  ['name', { name: 'x' }],
  ['name,score', { name: 'x', score: null }],
  ['folds.failure.code', { folds: [{ failure: null }, { failure: { code: 'c' } }] }],
  ['model.width,model.depth', { model: { depth: 3 } }],
  ['thresholds.tag', { thresholds: { tag: 0.1 } }],
  ['folds.index,folds', { folds: thing.folds }],
  ['folds,folds.index', { folds: thing.folds }],
])('%s picks what it names', (fields, picked) => {
  expect(fieldPicker(Thing, fields)(thing)).toEqual(picked)
})

test('of a page, the fields of its items', () => {
  const page = { items: [thing, thing], nextCursor: 'next' }
  expect(fieldPicker(pageOf(Thing), 'name')(page)).toEqual({
    items: [{ name: 'x' }, { name: 'x' }],
    nextCursor: 'next',
  })
})

test.each([
  ['nome', 'there is no field "nome"; did you mean "name"?'],
  ['nothing-like-it', 'there is no field "nothing-like-it"; there are name, score, folds, model, thresholds'],
  ['folds.indx', 'there is no field "folds.indx"; did you mean "folds.index"?'],
  ['name.first', 'there is no field "name.first": name holds none'],
  ['', 'there is no field ""; there are name, score, folds, model, thresholds'],
  ['__proto__', 'there is no field "__proto__"; there are name, score, folds, model, thresholds'],
])('%s is refused with what there is', (fields, detail) => {
  expect(() => fieldPicker(Thing, fields)).toThrow(
    expect.objectContaining({ code: 'request-invalid', faults: [{ pointer: '/fields', detail }] }),
  )
})

test('every unknown field is named at once', () => {
  expect(() => fieldPicker(Thing, 'a1,name,b2')).toThrow(
    expect.objectContaining({ faults: [expect.anything(), expect.anything()] }),
  )
})
