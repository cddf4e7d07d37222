import { z } from 'zod'
import { DatasetRef, Digest, Id, Slug } from './ids.ts'
import { MatrixSpec } from './matrix/matrix-spec.ts'
import { Moment } from './resources.ts'
import { ExperimentSpec } from './spec/index.ts'

/** Examples of schemas by the schema itself, wherever it stands. */
const bySchema = new Map<unknown, unknown>([
  [Id, '01991c3a-7c1e-7b53-9d0e-3f5b8a4c2e10'],
  [Slug, 'emoji'],
  [Digest, '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'],
  [DatasetRef, 'emoji@1'],
  [Moment, '2026-11-27T12:00:00.000Z'],
  [
    ExperimentSpec,
    {
      name: 'small convnet',
      dataset: 'emoji',
      folds: { count: 5 },
      model: { name: 'convnet', width: 16 },
      image: { size: 32 },
      stages: [{ name: 'all', epochs: 4, schedule: { name: 'cosine', lr: 0.003 } }],
    },
  ],
])

bySchema.set(MatrixSpec, {
  ...(bySchema.get(ExperimentSpec) as object),
  matrix: { 'stages.all.schedule.lr': [0.003, 0.001] },
})

/** Examples of fields by name, where they fit; a field that may be null is null unless it is named here. */
const byName: Readonly<Record<string, unknown>> = {
  name: 'small convnet',
  pools: ['default'],
  secondsLeft: 28_800,
  accelerator: 'Tesla T4',
  version: 4,
  step: 1200,
  totalSteps: 4800,
  epoch: 3,
  stage: 'all',
  loss: 0.31,
  lr: 0.0021,
  cv: 0.6512,
  cvMean: 0.6498,
  cvStd: 0.0041,
  cvLow: 0.6431,
  cvHigh: 0.6594,
  lbPublic: 0.6473,
  score: 0.6533,
  text: 'epoch 3: loss 0.31',
  level: 'info',
  detail: 'the training process ended by signal 9',
  code: 'trainer-crashed',
  progress: {
    step: 1200,
    totalSteps: 4800,
    epoch: 3,
    stage: 'all',
    loss: 0.31,
    lr: 0.0021,
    imagesPerSecond: 410,
    etaSeconds: 540,
  },
  thresholds: { all: 0.42 },
  files: ['index.js'],
  members: [41, 42],
  url: 'https://baton.example.org/s3/baton/blobs/9f86d081',
  token: 'baton_session_…',
  target: '/v1/projects/emoji/experiments',
  route: 'createExperiment',
  outcome: 'done',
  // In a query, where everything is text.
  ended: 'true',
}

/**
 * A value that fits a schema, small and readable, for documentation. A test holds that it fits.
 *
 * @param field Name of the field that it is the value of, where it is one.
 */
export function exampleOf(given: z.ZodType, field = ''): unknown {
  const schema = withoutTransform(given)
  if (bySchema.has(schema)) return bySchema.get(schema)
  const named = byName[field]
  if (named !== undefined && schema.safeParse(named).success) return named
  if (schema instanceof z.ZodOptional) return undefined
  if (schema instanceof z.ZodNullable) return schema.unwrap() instanceof z.ZodObject ? null : inner(schema, field)
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) return schema.def.defaultValue
  if (schema instanceof z.ZodPipe) return exampleOf(schema.in as z.ZodType, field)
  if (schema instanceof z.ZodObject) return objectExample(schema.shape)
  if (schema instanceof z.ZodRecord) return {}
  if (schema instanceof z.ZodArray) return listExample(schema.element as z.ZodType, field)
  if (schema instanceof z.ZodUnion) return exampleOf(schema.options[0] as z.ZodType, field)
  if (schema instanceof z.ZodLiteral) return [...schema.values][0]
  if (schema instanceof z.ZodEnum) return schema.options[0]
  if (schema instanceof z.ZodBoolean) return true
  if (schema instanceof z.ZodNumber) return [1, 0, 60].find((number) => schema.safeParse(number).success)
  if (schema instanceof z.ZodString) return field === '' ? 'text' : field
  return null
}

function inner(schema: z.ZodNullable, field: string): unknown {
  return exampleOf(schema.unwrap() as z.ZodType, field) ?? null
}

function objectExample(shape: Readonly<Record<string, z.ZodType>>): Record<string, unknown> {
  const fields = Object.entries(shape).map(([name, part]) => [name, exampleOf(part, name)] as const)
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined))
}

/** One item is enough to see what the others are like. */
function listExample(element: z.ZodType, field: string): unknown[] {
  return [exampleOf(element, field.replace(/s$/, ''))]
}

/** What a transform makes of anything is documented by what it must come to. */
export function withoutTransform(schema: z.ZodType): z.ZodType {
  const transforms = schema instanceof z.ZodPipe && schema.in instanceof z.ZodTransform
  return transforms ? (schema.out as z.ZodType) : schema
}
