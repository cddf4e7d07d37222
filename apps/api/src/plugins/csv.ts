import { Readable } from 'node:stream'
import { csvRecord, parseColumns } from '@baton/contracts'
import type { ColumnName, RouteSpec } from '@baton/contracts'
import type { FastifyReply, FastifyRequest } from 'fastify'

type Item = Readonly<Record<string, string | number | null | undefined>>
interface ReadPage {
  readonly items: readonly Item[]
  readonly nextCursor: string | null
}
interface Query {
  readonly cursor?: string | undefined
  readonly fields?: string | undefined
  readonly format?: 'json' | 'csv' | undefined
}

/** Rows read at once: enough to be quick, few enough that nobody's memory is filled. */
const rowsAtOnce = 200

/** Whether a list is wanted as CSV: by `format`, or by the Accept header where `format` says nothing. */
export function wantsCsv(route: RouteSpec, query: Query, request: FastifyRequest): boolean {
  if (route.csv === undefined || query.format === 'json') return false
  return query.format === 'csv' || /\btext\/csv\b/i.test(request.headers.accept ?? '')
}

/**
 * Answers a list as CSV: all of it from the cursor on, page after page as the reader takes them. The first page is read
 * before anything is sent, so what is wrong with the request is answered as a problem; a failure later cuts the answer.
 */
export async function sendCsv(
  reply: FastifyReply,
  route: RouteSpec,
  query: Query,
  read: (page: { cursor: string | undefined; limit: number }) => Promise<ReadPage>,
): Promise<FastifyReply> {
  const first = await read({ cursor: query.cursor, limit: rowsAtOnce })
  const names = namesOf(route.csv!, query.fields)
  async function* records(): AsyncGenerator<string> {
    yield csvRecord(names)
    for (let page = first; ;) {
      yield page.items.map((item) => csvRecord(names.map((name) => item[name]))).join('')
      if (page.nextCursor === null) return
      page = await read({ cursor: page.nextCursor, limit: rowsAtOnce })
    }
  }
  return reply.type('text/csv; charset=utf-8; header=present').send(Readable.from(records(), { objectMode: true }))
}

function namesOf(csv: NonNullable<RouteSpec['csv']>, fields: string | undefined): string[] {
  const names: readonly ColumnName[] = fields === undefined ? csv.usual : parseColumns(fields)
  return [...csv.before, ...names]
}
