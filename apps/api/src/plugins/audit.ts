import { isAppError, isPersonal } from '@baton/contracts'
import type { AuditEntry, RouteSpec } from '@baton/contracts'
import type { Caller, Tables } from '@baton/core'
import type { Database } from '@baton/db'
import type { Log } from '@baton/log'

/** What of a path is kept: ours are shorter, and what is refused may be anything. */
const maxTarget = 500

interface Request {
  /** Of the route table, or what is served beside it. */
  readonly name: string
  readonly route: Pick<RouteSpec, 'method'>
  readonly caller: Caller
  readonly url: string
  readonly requestId: string
}

/** The audit log's view of one request. */
export interface Audit {
  /** What the request's handler writes to. */
  readonly store: Database
  /** Says which project the request is about. */
  about(project: string | null): void
  /** The request was carried out. Await it before the answer. */
  done(): Promise<void>
  /** The request was refused. */
  refused(error: unknown): Promise<void>
}

/**
 * Writes down what people change, and what they were refused to. Not what sessions do, which is in their attempts.
 *
 * No accepted change is without its entry: it is written at the end of the first transaction of the handler, and so
 * either both are there or neither. A handler without a transaction has it written before its answer.
 */
export function auditOf(store: Database, log: Log, { name, route, caller, url, requestId }: Request): Audit {
  if (route.method === 'GET' || !isPersonal(caller.role))
    return { store, about: () => undefined, done: async () => undefined, refused: async () => undefined }
  const entry: Omit<AuditEntry, 'id' | 'at' | 'project' | 'outcome'> = {
    tokenId: caller.tokenId,
    token: caller.name,
    role: caller.role,
    route: name,
    target: url.split('?', 1)[0]!.slice(0, maxTarget),
    requestId,
  }
  let project = caller.project?.slug ?? null
  let isWritten = false
  const append = (tables: Tables, outcome: string) => tables.audit.append({ ...entry, project, outcome })
  return {
    store: {
      ...store,
      transaction: async (work) => {
        if (isWritten) return store.transaction(work)
        const result = await store.transaction(async (tables) => {
          const done = await work(tables)
          await append(tables, 'done')
          return done
        })
        isWritten = true
        return result
      },
    },
    about: (slug) => {
      project = slug ?? project
    },
    done: async () => {
      if (!isWritten) await append(store, 'done')
      isWritten = true
    },
    refused: async (error) => {
      const outcome = isAppError(error) ? error.code : 'internal'
      // That it was refused is what the caller must hear.
      await append(store, outcome).catch((cause: unknown) => log.warn({ error: cause, requestId }, 'refusal not noted'))
    },
  }
}
