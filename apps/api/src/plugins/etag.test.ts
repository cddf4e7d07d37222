import { routes } from '@baton/contracts'
import { expect, test } from 'vitest'
import { etagOf, ifMatchOf, isKnown } from './etag.ts'

const project = { slug: 'a', name: 'A' }
const etag = etagOf(JSON.stringify(project))

test('an answer is known by its own ETag, also as one of several or weakened on the way, and by *', () => {
  for (const header of [etag, `"x", ${etag}`, `W/${etag}`, '*']) expect(isKnown(etag, header)).toBe(true)
  for (const header of [undefined, '', '"x"', etag.slice(1, -1)]) expect(isKnown(etag, header)).toBe(false)
})

test('a change is allowed to who names the state it is in, or *', () => {
  for (const header of [etag, `"x",${etag}`, '*'])
    expect(() => ifMatchOf(routes.updateProject, header)(project)).not.toThrow()
})

test('a change of another state, or one that was weakened on the way, is refused with the ETag there is', () => {
  for (const header of ['"x"', `W/${etag}`, ''])
    expect(() => ifMatchOf(routes.updateProject, header)(project)).toThrow(
      expect.objectContaining({ code: 'precondition-failed', facts: { etag } }),
    )
})

test('a change that names no state is refused where the route needs one, and only there', () => {
  expect(() => ifMatchOf(routes.updateProject, undefined)).toThrow(
    expect.objectContaining({ code: 'precondition-required' }),
  )
  expect(() => ifMatchOf(routes.createProject, undefined)(project)).not.toThrow()
})
