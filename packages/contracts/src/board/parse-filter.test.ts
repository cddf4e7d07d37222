import { integer, streamKey } from '@baton/random'
import { describe, expect, test } from 'vitest'
import { isAppError } from '../problems.ts'
import type { Filter } from './filter.ts'
import { filterLengthMax, parseFilter } from './parse-filter.ts'

const column = (name: string) => ({ kind: 'column', column: name })
const is = (name: string, operator: string, value: unknown) => {
  const type = typeof value === 'number' ? 'number' : 'text'
  return { kind: 'compare', field: column(name), is: operator, value: { type, value } }
}
const not = (part: unknown) => ({ kind: 'not', part })

describe('a filter', () => {
  test('binds NOT before AND before OR, and parentheses before all', () => {
    const [a, b, c] = [is('cv', '>', 1), is('version', '<', 2), is('attempts', '=', 3)]
    expect(parseFilter('cv > 1 or version < 2 AND NOT attempts = 3')).toEqual({
      kind: 'or',
      parts: [a, { kind: 'and', parts: [b, not(c)] }],
    })
    expect(parseFilter('NOT (cv > 1 OR version < 2) AND attempts = 3')).toEqual({
      kind: 'and',
      parts: [not({ kind: 'or', parts: [a, b] }), c],
    })
  })

  test.each([
    ['cv BETWEEN 0.5 AND .6', 'cv = 0.5...6'],
    ['cv NOT BETWEEN -1 AND 1e-3', 'cv != -1..0.001'],
    ['version IN (1, 4..9)', 'version = 1 OR version = 4..9'],
    ['cv in 0.5..0.6', 'cv = 0.5..0.6'],
    ['name NOT IN (\'a\', "b")', 'NOT (name = a OR name = b)'],
    ["name !~ 'it''s'", 'NOT name ~ "it\'s"'],
    ['lbPublic is not null', 'NOT lbPublic IS NULL'],
    ["spec.model.name = 'resnet'", 'model = resnet'],
    ['createdAt = 2026-11-27T08:00Z', "createdAt = '2026-11-27T09:00:00+01:00'"],
    ['  cv>1  ', 'cv > 1'],
  ])('%s is %s', (one, other) => {
    expect(parseFilter(one)).toEqual(parseFilter(other))
  })

  test('knows the type of a value in a spec by how it is written, and the parts of its path', () => {
    const field = { kind: 'spec', path: ['stages', '0', 'schedule', 'lr'] }
    const at = (value: unknown) => ({ kind: 'compare', field, is: '=', value })
    expect(parseFilter('spec.stages.0.schedule.lr = 0.01')).toEqual(at({ type: 'number', value: 0.01 }))
    expect(parseFilter("spec.stages.0.schedule.lr = '0.01'")).toEqual(at({ type: 'text', value: '0.01' }))
    expect(parseFilter('spec.stages.0.schedule.lr = true')).toEqual(at({ type: 'boolean', value: true }))
  })

  test('takes a day as the whole day in UTC', () => {
    const start = Date.UTC(2026, 1, 28)
    expect(parseFilter('createdAt > 2026-02-28')).toMatchObject({
      value: { type: 'moment', start, end: start + 86_400_000 },
    })
  })
})

describe('what is wrong is named with its place', () => {
  test.each([
    ['', 1, 'there should be a column, not the end'],
    ['cv >', 5, 'a number for cv, not the end'],
    ['cv > 0.5 AND cvmaen < 1', 14, 'there is no column "cvmaen"; did you mean "cvMean"?'],
    ['zzzzzzzz = 1', 1, 'there is no column "zzzzzzzz"; there are version, name'],
    ['spec.modell.name = resnet', 1, 'did you mean "spec.model"?'],
    ['spec.__proto__.x = 1', 1, 'a spec has no "__proto__"'],
    ['spec = 1', 1, 'name a value of the spec by its path'],
    ['cv = high', 6, 'there should be a number for cv, not "high"'],
    ['cv ~ 0.5', 6, 'cv is a number; ~ looks into text'],
    ['name = 5', 8, 'put it into quotes'],
    ['name = not', 8, 'there should be a text for name'],
    ['status = complete', 10, 'there is no status "complete"; did you mean "completed"?'],
    ['createdAt > 2026-02-30', 13, '"2026-02-30" is no moment'],
    ["name = 'open", 8, "the quote ' is not closed"],
    ['cv > 1; DROP TABLE experiment', 7, '";" means nothing here'],
    ['cv > 1 cv < 2', 8, 'there should be AND, OR or the end, not "cv"'],
    ['(cv > 1', 8, 'there should be ")", AND or OR, not the end'],
    ['cv > 1e999', 6, '1e999 is larger than any number'],
    ['cv IN ()', 8, 'there should be a number for cv, not ")"'],
    ['cv IN 1', 7, 'IN wants a list in parentheses, or a range'],
    ['spec.seed = 1..two', 13, 'a range goes from a number to another'],
    ['spec.augment > true', 16, 'true and false have no order'],
    ['cv NOT = 1', 8, 'there should be IN or BETWEEN'],
    ["name = 'a\u0000b'", 8, 'zero byte'],
    ['name = "\ud800"', 8, 'half a character'],
  ])('%j: character %i', (text, position, words) => {
    expect(attempt(text)).toMatchObject({
      code: 'request-invalid',
      facts: { position },
      faults: [{ pointer: '/where', detail: expect.stringContaining(words) as unknown }],
    })
  })

  test.each([
    ['too long', `name = '${'x'.repeat(filterLengthMax)}'`],
    ['too deep', `${'('.repeat(500)}cv > 1`],
    ['too many NOTs', `${'NOT '.repeat(400)}cv > 1`],
    ['too many comparisons', Array.from({ length: 101 }, () => 'cv>1').join(' OR ')],
    ['too long a list', `version IN (${Array.from({ length: 101 }, (_, i) => i).join(',')})`],
    ['too deep a path', `spec.${Array.from({ length: 11 }, () => 'model').join('.')} = 1`],
  ])('%s', (_, text) => {
    expect(attempt(text)).toMatchObject({ code: 'request-invalid' })
  })
})

const right = `NOT ( cv > 0.5 OR name IN ( 'a' , "b" ) ) AND spec.seed != 1 .. 2 AND createdAt < 2026-11-27 OR lbPublic IS NULL`
const strange = `version status spec.a.b AND NOT BETWEEN true ( ) , .. = != >= ~ !~ -1 1e9 2026-11-27 '' ' " % ; -- /* \u0000 \ud83d é $1`

test('whatever is written is a filter or named as wrong, never anything else', () => {
  const [words, others] = [right.split(' '), strange.split(' ')]
  const counts = { right: 0, wrong: 0 }
  for (let i = 0; i < 10_000; i++) {
    const key = streamKey(i, 'fuzz')
    const changed = [...words]
    for (let j = 0; j <= i % 3; j++) {
      const kept = integer(key, 3 * j, 2)
      changed.splice(integer(key, 3 * j + 1, words.length), kept, others[integer(key, 3 * j + 2, others.length)]!)
    }
    const result = attempt(changed.join(' '))
    if (isAppError(result, 'request-invalid')) {
      expect(result.facts.position).toBeGreaterThan(0)
      counts.wrong += 1
    } else {
      expect(result).toHaveProperty('kind')
      counts.right += 1
    }
  }
  expect(Math.min(counts.right, counts.wrong)).toBeGreaterThan(50)
})

function attempt(text: string): Filter | Error {
  try {
    return parseFilter(text)
  } catch (error) {
    if (isAppError(error)) return error
    throw error
  }
}
