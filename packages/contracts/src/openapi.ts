import { z } from 'zod'
import { Problem } from './client.ts'
import { exampleOf, withoutTransform } from './example.ts'
import { problemCodes, problems } from './problems.ts'
import type { ProblemCode } from './problems.ts'
import { Attempt, Experiment, Failure, Fold, Lease, Progress, Project, Session } from './resources.ts'
import { routeGroups } from './routes/index.ts'
import { problemsOf, queryOf } from './routes/route.ts'
import type { RouteSpec } from './routes/route.ts'
import { ExperimentSpec } from './spec/index.ts'

type Json = Record<string, unknown>
type Io = 'input' | 'output'
/** Schemas that stand once in the document, by name. */
type Schemas = Record<string, Json>

const named = z.registry<{ id: string }>()
const resources = { Attempt, Experiment, ExperimentSpec, Failure, Fold, Lease, Problem, Progress, Project, Session }
for (const [id, schema] of Object.entries(resources)) named.add(schema, { id })

/** The OpenAPI 3.1 document of REST /v1, made from `routes` and the problem table. */
export function openApiDocument(info: { version: string; url: string }): Json {
  const schemas: Schemas = {}
  const paths: Record<string, Json> = {}
  for (const [tag, group] of Object.entries(routeGroups))
    for (const [name, route] of Object.entries<RouteSpec>(group.routes)) {
      const path = pathOf(route.path)
      paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(schemas, { name, tag, route }) }
    }
  const problem = schemaOf(schemas, Problem, 'output')
  return {
    openapi: '3.1.0',
    info: {
      title: 'Baton',
      version: info.version,
      description: 'Trains k-fold experiments on notebooks that die, and loses nothing.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: info.url }],
    tags: Object.entries(routeGroups).map(([name, { about }]) => ({ name, description: about })),
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1))),
      parameters: Object.fromEntries(Object.values(requestHeaders).map((header) => [header.name, header])),
      headers: responseHeaders,
      examples: Object.fromEntries(problemCodes.map((code) => [code, { value: problemExample(code) }])),
      responses: Object.fromEntries(problemCodes.map((code) => [code, problemResponse([code], problem)])),
    },
  }
}

const requestHeaders = {
  idempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    description: 'The same request again under the same key gets the answer of the first, for a day.',
    schema: { type: 'string', minLength: 1, maxLength: 255 },
    example: 'b6c2f7de',
  },
  ifMatch: {
    name: 'If-Match',
    in: 'header',
    required: true,
    description: 'ETag of the state that is to be changed, or `*` for whatever it is now.',
    schema: { type: 'string' },
    example: '*',
  },
  lastEventId: {
    name: 'Last-Event-ID',
    in: 'header',
    required: false,
    description: 'The last place that the caller was told of: what follows it comes first. Goes before `after`.',
    schema: { type: 'string', pattern: '^\\d{1,15}$' },
    example: '41',
  },
  ifNoneMatch: {
    name: 'If-None-Match',
    in: 'header',
    required: false,
    description: 'ETag of an answer that the caller has: 304 where it is still the same.',
    schema: { type: 'string' },
    example: '"nU0mUWCn3UvNwxAEuGM1vZ7XKB1xrUDXzCJQnk0kEmA"',
  },
} as const

const responseHeaders = {
  ETag: { description: 'Names these bytes.', schema: { type: 'string' } },
  Link: {
    description: 'Where the next page is, with `rel="next"`; absent on the last one.',
    schema: { type: 'string' },
  },
  Location: { description: 'Path of what was made.', schema: { type: 'string' } },
  'Idempotent-Replayed': {
    description: '`true` where the answer was given before, to the first request under the Idempotency-Key.',
    schema: { type: 'string', enum: ['true'] },
  },
  RateLimit: {
    description: 'What is left of the quota, and in how many seconds it is whole.',
    schema: { type: 'string' },
  },
  'RateLimit-Policy': { description: 'The quota, and its window in seconds.', schema: { type: 'string' } },
  'Retry-After': { description: 'Seconds to wait before the same request.', schema: { type: 'integer', minimum: 0 } },
} as const
type ResponseHeader = keyof typeof responseHeaders

const pathOf = (path: string) => path.replace(/:([a-z]+)/g, '{$1}')
const headersOf = (...names: ResponseHeader[]) =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]))
const quota = ['RateLimit', 'RateLimit-Policy'] as const

function operation(schemas: Schemas, { name, tag, route }: { name: string; tag: string; route: RouteSpec }): Json {
  return {
    operationId: name,
    tags: [tag],
    summary: route.summary,
    description: descriptionOf(route),
    ...(route.roles.length > 0 ? { security: [{ bearer: [] }], 'x-roles': route.roles } : { security: [] }),
    parameters: [
      ...parameters(schemas, 'path', route.params),
      ...parameters(schemas, 'query', queryOf(route)),
      ...headerParameters(route),
    ],
    ...(route.body ? { requestBody: { required: true, content: jsonContent(schemas, route.body, 'input') } } : {}),
    responses: {
      [route.status]: success(schemas, route),
      ...(route.method === 'GET' && route.response
        ? { 304: { description: 'The caller has it already', headers: headersOf('ETag', ...quota) } }
        : {}),
      ...failures(route),
    },
  }
}

function descriptionOf(route: RouteSpec): string {
  const sentences = [
    `${route.summary}.`,
    route.roles.length === 0 ? 'Needs no token.' : `For tokens of role ${route.roles.join(', ')}.`,
    route.isSecret
      ? 'The answer holds a secret that is shown once: it is not given again under an Idempotency-Key.'
      : '',
  ]
  return sentences.filter((sentence) => sentence !== '').join(' ')
}

function success(schemas: Schemas, route: RouteSpec): Json {
  const headers = headersOf(
    ...(route.response && (route.method === 'GET' || route.needsIfMatch) ? (['ETag'] as const) : []),
    ...(route.query && 'cursor' in route.query.shape ? (['Link'] as const) : []),
    ...(route.location ? (['Location'] as const) : []),
    ...(isRemembered(route) ? (['Idempotent-Replayed'] as const) : []),
    ...quota,
  )
  if (route.stream)
    return {
      description: 'Goes on until one side ends it',
      headers: headersOf(...quota),
      content: { 'text/event-stream': eventStream(schemas, route.stream) },
    }
  if (!route.response) return { description: 'Done; no content', headers }
  const csv = { 'text/csv': { schema: { type: 'string' } } }
  return {
    description: 'Done',
    headers,
    content: { ...jsonContent(schemas, route.response, 'output'), ...(route.csv ? csv : {}) },
  }
}

/** Each event: its place in the stream, and as data JSON of what happened; one named `problem` says why it ends. */
function eventStream(schemas: Schemas, stream: z.ZodType): Json {
  const example = JSON.stringify(exampleOf(stream))
  const data = {
    type: 'string',
    contentMediaType: 'application/json',
    contentSchema: schemaOf(schemas, stream, 'output'),
  }
  return {
    schema: { type: 'string' },
    example: `id: 41\ndata: ${example}\n\n`,
    // `itemSchema` of OpenAPI 3.2, which many generators do not read yet.
    'x-item-schema': {
      type: 'object',
      properties: { id: { type: 'string' }, event: { type: 'string' }, data, retry: { type: 'integer' } },
    },
  }
}

const isRemembered = (route: RouteSpec) => route.method === 'POST' && !route.isSecret

function failures(route: RouteSpec): Json {
  const byStatus = new Map<number, ProblemCode[]>()
  for (const code of problemsOf(route)) {
    const { status } = problems[code]
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  const schema = { $ref: '#/components/schemas/Problem' }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => {
      const [only, ...others] = codes
      const one = { $ref: `#/components/responses/${only}` }
      return [status, others.length === 0 ? one : problemResponse(codes, schema)]
    }),
  )
}

function problemResponse(codes: readonly ProblemCode[], schema: Json): Json {
  const waits = codes.some((code) => code === 'rate-limited' || code === 'idempotency-in-flight')
  return {
    description: codes.map((code) => `\`${code}\`: ${problems[code].title}`).join('. '),
    headers: headersOf(...(waits ? (['Retry-After'] as const) : []), ...quota),
    content: {
      'application/problem+json': {
        schema,
        examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
      },
    },
  }
}

function problemExample(code: ProblemCode): Problem {
  const { status, title, retryable, remedy } = problems[code]
  return {
    type: `/v1/problems/${code}`,
    title,
    status,
    code,
    instance: '7d1f4f0e-5d0c-4b6e-9d6a-0f7c5f0f2b7a',
    retryable,
    remedy,
    errors: [],
    facts: {},
  }
}

function parameters(schemas: Schemas, where: 'path' | 'query', object: z.ZodObject | undefined): Json[] {
  return Object.entries<z.ZodType>(object?.shape ?? {}).map(([name, part]) => {
    const schema = schemaOf(schemas, part, 'output')
    // In a query everything is text, so the schema of a switch says more than its value.
    const example = schema.type === 'boolean' ? true : exampleOf(part, name)
    return {
      name,
      in: where,
      required: where === 'path' || !part.safeParse(undefined).success,
      schema,
      ...(schema.type === 'array' ? { explode: false } : {}),
      ...(example === undefined ? {} : { example }),
    }
  })
}

function headerParameters(route: RouteSpec): Json[] {
  const names = [
    ...(isRemembered(route) ? [requestHeaders.idempotencyKey.name] : []),
    ...(route.needsIfMatch ? [requestHeaders.ifMatch.name] : []),
    ...(route.stream ? [requestHeaders.lastEventId.name] : []),
    ...(route.method === 'GET' && route.response ? [requestHeaders.ifNoneMatch.name] : []),
  ]
  return names.map((name) => ({ $ref: `#/components/parameters/${name}` }))
}

function jsonContent(schemas: Schemas, schema: z.ZodType, io: Io): Json {
  return { 'application/json': { schema: schemaOf(schemas, schema, io), example: exampleOf(schema) } }
}

/** The JSON schema of a value; the named ones in it are kept in `schemas` and referred to. */
function schemaOf(schemas: Schemas, given: z.ZodType, io: Io): Json {
  const schema = withoutTransform(given)
  const nameOf = (id: string) => (io === 'input' ? `${id}Input` : id)
  const made = z.toJSONSchema(schema, {
    io,
    target: 'draft-2020-12',
    unrepresentable: 'any',
    metadata: named,
  })
  const {
    $schema: _,
    $defs,
    ...rest
  } = JSON.parse(
    JSON.stringify(made).replaceAll(
      /"#\/\$defs\/([^"]+)"/g,
      (__, id: string) => `"#/components/schemas/${nameOf(id)}"`,
    ),
  ) as Json & { $defs?: Schemas }
  for (const [id, definition] of Object.entries($defs ?? {})) schemas[nameOf(id)] = withoutId(definition)
  const own = named.get(schema)?.id
  if (own === undefined) return rest
  schemas[nameOf(own)] = withoutId(rest)
  return { $ref: `#/components/schemas/${nameOf(own)}` }
}

function withoutId({ id: _, ...definition }: Json): Json {
  return definition
}
