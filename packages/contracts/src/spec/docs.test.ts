import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { MatrixSpec } from '../matrix/matrix-spec.ts'
import { ExperimentSpec } from './experiment.ts'

const folder = path.resolve(import.meta.dirname, '../../../../docs/spec')
const files = readdirSync(folder).filter((name) => name.endsWith('.md'))
const text = (name: string) => readFileSync(path.join(folder, name), 'utf8')

/** Every property of a JSON schema, at any depth, by its path: `stages.schedule.lr`. */
function propertiesOf(node: unknown, at: string[] = []): string[] {
  if (typeof node !== 'object' || node === null) return []
  return Object.entries(node).flatMap(([key, value]) => {
    if (key !== 'properties') return propertiesOf(value, at)
    return Object.entries(value as object).flatMap(([name, schema]) => [
      [...at, name].join('.'),
      ...propertiesOf(schema, [...at, name]),
    ])
  })
}

const schemaOf = (schema: z.ZodType) => z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
const options = new Set([...propertiesOf(schemaOf(ExperimentSpec)), ...propertiesOf(schemaOf(MatrixSpec))])

test('every option of a spec is told of in docs/spec, in a code span', () => {
  expect(options.size).toBeGreaterThan(150)
  const spans = files.flatMap((name) => [...text(name).matchAll(/`([^`\n]+)`/g)].map(([, span]) => span!))
  const told = new Set(spans.flatMap((span) => span.split(/[^\w-]+/)))
  expect([...options].filter((option) => !told.has(option.split('.').at(-1)!))).toEqual([])
})

test('docs/spec/README.md names every field of a spec and of a stage, and every file', () => {
  const index = text('README.md')
  const fields = [...options].filter((option) => /^(?:stages\.)?\w+$/.test(option))
  const missing = fields.filter((option) => !index.includes(`\`${option.replace('stages.', 'stages[].')}\``))
  expect(missing).toEqual([])
  expect(files.filter((name) => name !== 'README.md' && !index.includes(`](${name}`))).toEqual([])
})
