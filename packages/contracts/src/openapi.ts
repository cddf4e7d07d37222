import { z } from 'zod'
import { Problem } from './client.ts'
import { problems } from './problems.ts'
import type { ProblemCode } from './problems.ts'
import { routes } from './routes/index.ts'
import { problemsOf } from './routes/route.ts'
import type { RouteSpec } from './routes/route.ts'

type Json = Record<string, unknown>

/** The OpenAPI 3.1 document of REST /v1, made from `routes` and the problem table. */
export function openApiDocument(info: { version: string; url: string }): Json {
  const paths: Record<string, Json> = {}
  for (const [name, route] of Object.entries(routes) as [string, RouteSpec][]) {
    const path = route.path.replace(/:([a-z]+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(name, route) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Baton',
      version: info.version,
      description: 'Trains k-fold experiments on notebooks that die, and loses nothing.',
    },
    servers: [{ url: info.url }],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: { Problem: jsonSchema(Problem, 'output') },
    },
  }
}

function operation(operationId: string, route: RouteSpec): Json {
  return {
    operationId,
    summary: route.summary,
    ...(route.roles.length > 0 ? { security: [{ bearer: [] }], 'x-roles': route.roles } : { security: [] }),
    parameters: [
      ...parameters('path', route.params),
      ...parameters('query', route.query),
      ...idempotencyKey(route),
      ...lastEventId(route),
    ],
    ...(route.body
      ? {
          requestBody: { required: true, content: { 'application/json': { schema: jsonSchema(route.body, 'input') } } },
        }
      : {}),
    responses: responses(route),
  }
}

function responses(route: RouteSpec): Json {
  const ok = okResponse(route)
  const byStatus = new Map<number, ProblemCode[]>()
  for (const code of problemsOf(route)) {
    const { status } = problems[code]
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  const failures = [...byStatus].map(([status, codes]) => [
    String(status),
    {
      description: codes.map((code) => `\`${code}\`: ${problems[code].title}`).join('. '),
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    },
  ])
  return { [String(route.status)]: ok, ...(Object.fromEntries(failures) as Json) }
}

function okResponse({ response, stream, location }: RouteSpec): Json {
  if (response)
    return {
      description: 'Done',
      ...(location ? { headers: { Location: { schema: { type: 'string' } } } } : {}),
      content: { 'application/json': { schema: jsonSchema(response, 'output') } },
    }
  if (stream)
    return { description: 'Goes on until one side ends it', content: { 'text/event-stream': eventStream(stream) } }
  return { description: 'Done; no content' }
}

/** Each event: its place in the stream, and as data JSON of what happened; one named `problem` says why it ends. */
function eventStream(stream: z.ZodType): Json {
  const data = { type: 'string', contentMediaType: 'application/json', contentSchema: jsonSchema(stream, 'output') }
  return {
    itemSchema: {
      type: 'object',
      properties: { id: { type: 'string' }, event: { type: 'string' }, data, retry: { type: 'integer' } },
    },
  }
}

function parameters(where: 'path' | 'query', schema: z.ZodObject | undefined): Json[] {
  return Object.entries(schema?.shape ?? {}).map(([name, part]) => {
    const described = jsonSchema(part as z.ZodType, 'output')
    return {
      name,
      in: where,
      required: where === 'path' || !('default' in described),
      schema: described,
      ...(described.type === 'array' ? { explode: false } : {}),
    }
  })
}

function idempotencyKey(route: RouteSpec): Json[] {
  if (route.method !== 'POST') return []
  return [
    {
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      schema: { type: 'string', minLength: 1, maxLength: 255 },
    },
  ]
}

function lastEventId(route: RouteSpec): Json[] {
  if (!route.stream) return []
  return [{ name: 'Last-Event-ID', in: 'header', required: false, schema: { type: 'string', pattern: '^\\d{1,15}$' } }]
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, target: 'draft-2020-12', unrepresentable: 'any' })
  return rest
}
