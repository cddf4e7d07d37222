import { describe, expect, test } from 'vitest'
import { exampleOf } from './example.ts'
import { openApiDocument } from './openapi.ts'
import { problemCodes, problems } from './problems.ts'
import { routes } from './routes/index.ts'
import { problemsOf, queryOf } from './routes/route.ts'
import type { RouteSpec } from './routes/route.ts'

const all = Object.entries<RouteSpec>(routes)
const document = openApiDocument({ version: '1', url: '/' })

describe.each(all)('the examples of %s', (_, route) => {
  const schemas = { params: route.params, query: queryOf(route), body: route.body, response: route.response }
  test.each(Object.entries(schemas).filter(([, schema]) => schema !== undefined))('fit its %s', (__, schema) => {
    expect(schema!.safeParse(exampleOf(schema!)).error?.issues ?? []).toEqual([])
  })
})

test('every problem that REST answers with is one of some route, and no other is', () => {
  const answered = new Set([...all.flatMap(([, route]) => problemsOf(route)), 'method-not-allowed'])
  expect([...answered].sort()).toEqual(problemCodes.filter((code) => problems[code].met === 'rest').sort())
})

test('every reference of the document leads somewhere in it', () => {
  const text = JSON.stringify(document)
  const references = new Set(Array.from(text.matchAll(/"\$ref":"#\/([^"]+)"/g), ([, path]) => path!))
  expect(references.size).toBeGreaterThan(50)
  for (const path of references) {
    const found = path
      .split('/')
      .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document)
    expect(found, path).toBeDefined()
  }
})

test('every operation has a tag that is described, a summary, a description, an answer and failures', () => {
  const { paths, tags } = document as {
    paths: Record<string, Record<string, Record<string, unknown>>>
    tags: { name: string; description: string }[]
  }
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods))
  expect(operations.map(({ operationId }) => operationId).sort()).toEqual(all.map(([name]) => name).sort())
  for (const operation of operations) {
    expect(tags).toContainEqual({ name: (operation.tags as string[])[0], description: expect.any(String) as string })
    expect(operation).toMatchObject({ summary: expect.stringMatching(/\w/) as string, responses: { 429: {}, 500: {} } })
  }
})
