import { readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import type {
  AppControllerRoute,
  AppViewRoute,
  BullBoardQueues,
  IServerAdapter,
  UIConfig,
} from '@bull-board/api/typings/app'
import type { InspectedQueue } from '@baton/queue'

export interface BoardRequest {
  readonly method: string
  /** Below `/queues`, as it was sent: `/api/queues`. */
  readonly path: string
  readonly query: Record<string, unknown>
  readonly body: Record<string, unknown>
}

export interface BoardAnswer {
  readonly status: number
  readonly type: string
  readonly body: string | Uint8Array
  /** A file of the page, the same for everybody. */
  readonly isFile: boolean
}

export interface Board {
  /** Null: nothing is there. */
  answer(request: BoardRequest, queues: readonly InspectedQueue[]): Promise<BoardAnswer | null>
}

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
}

/**
 * What may be changed, where anything may. Pausing a queue, emptying it or editing a job would make it say what the
 * database does not.
 */
const changes: ReadonlySet<string> = new Set([
  '/api/queues/:queueName/retry/:queueStatus',
  '/api/queues/:queueName/:jobId/retry',
  '/api/queues/:queueName/clean/:queueStatus',
  '/api/queues/:queueName/:jobId/clean',
])

/**
 * bull-board behind our own routing. Its adapter for Fastify brings a template engine, a file server and, below that, a
 * package that wants a newer Node than we do; what it does with them is one page and some files.
 */
export function openBoard({ isWritable }: { readonly isWritable: boolean }): Board {
  const parts = partsOf(isWritable)
  const adapters = new Map<string, BullMQAdapter>()
  const adapterOf = ({ kind, pool, queue }: InspectedQueue) => {
    const displayName = pool === null ? kind : `offers of pool ${pool}`
    const adapter = adapters.get(queue.name) ?? new BullMQAdapter(queue, { readOnlyMode: !isWritable, displayName })
    adapters.set(queue.name, adapter)
    return adapter
  }
  const routes = parts.routes
    .flatMap((route) => [route.route].flat().map((pattern) => ({ ...route, route: pattern })))
    .filter((route) => methodOf(route) === 'GET' || (isWritable && changes.has(route.route)))
  const page = renderPage(parts)
  const files = new Map(filesBelow(parts.filesDir).map((file) => [`${parts.filesRoute}/${file}`, file]))
  return {
    answer: async ({ method, path: url, query, body }, inspected) => {
      const file = files.get(url)
      if (method === 'GET' && file !== undefined)
        return {
          status: 200,
          type: types[path.extname(file)] ?? 'application/octet-stream',
          body: await readFile(path.join(parts.filesDir, file)),
          isFile: true,
        }
      const isPage = [parts.entry.route].flat().some((pattern) => paramsOf(pattern, url))
      if (method === 'GET' && isPage)
        return { status: 200, type: 'text/html; charset=utf-8', body: page, isFile: false }
      const queues: BullBoardQueues = new Map(inspected.map((one) => [one.queue.name, adapterOf(one)]))
      for (const route of routes) {
        const params = method === methodOf(route) ? paramsOf(route.route, url) : null
        if (params === null) continue
        const request = { queues, uiConfig: parts.config, params, query, body, headers: {} }
        const answer = await route.handler(request)
        const type = 'application/json; charset=utf-8'
        return { status: answer.status ?? 200, type, body: JSON.stringify(answer.body), isFile: false }
      }
      return null
    },
  }
}

interface Parts {
  readonly entry: AppViewRoute
  readonly routes: readonly AppControllerRoute[]
  readonly config: UIConfig
  readonly viewsDir: string
  readonly filesRoute: string
  readonly filesDir: string
}

const methodOf = ({ method }: AppControllerRoute) => [method].flat()[0]!.toUpperCase()

/** What bull-board tells its server. */
function partsOf(isWritable: boolean): Parts {
  const told: { -readonly [K in keyof Parts]?: Parts[K] } = {}
  const tell = (parts: typeof told): IServerAdapter => {
    Object.assign(told, parts)
    return serverAdapter
  }
  const serverAdapter: IServerAdapter = {
    setQueues: () => tell({}),
    setErrorHandler: () => tell({}),
    setViewsPath: (viewsDir) => tell({ viewsDir }),
    setStaticPath: (filesRoute, filesDir) => tell({ filesRoute, filesDir }),
    setEntryRoute: (entry) => tell({ entry }),
    setApiRoutes: (routes) => tell({ routes }),
    setUIConfig: (config) => tell({ config }),
  }
  const uiConfig: UIConfig = {
    boardTitle: 'Queues of Baton',
    hideDocsLink: true,
    environment: isWritable
      ? { label: 'retry and clean allowed', color: '#b45309', textColor: '#ffffff' }
      : { label: 'read-only', color: '#334155', textColor: '#ffffff' },
    miscLinks: [{ text: 'Sign out', url: '/queues/sign-out' }],
  }
  createBullBoard({ queues: [], serverAdapter, options: { uiConfig } })
  return told as Parts
}

/** The page is one template with five names in it. Its fonts are on another host, which is for nobody to know of. */
function renderPage({ entry, config, viewsDir }: Parts): string {
  const { name, params } = entry.handler({ basePath: '/queues', uiConfig: config })
  const html = readFileSync(path.join(viewsDir, name), 'utf8')
    .replace(/<link\b[^>]*\bhref="https:[^>]*>/g, '')
    .replace(/<%([=-]) (\w+) %>/g, (_, how: string, key: string) => {
      const value = params[key] ?? ''
      return how === '=' ? value.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`) : value
    })
  if (html.includes('<%')) throw new Error('the template of bull-board has something new in it')
  return html
}

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(dir, path.join(entry.parentPath, entry.name)))
}

/** Values of a pattern's names, such as `/queue/:queueName`; null where it does not fit. */
function paramsOf(pattern: string, url: string): Record<string, string> | null {
  const [wanted, given] = [pattern.split('/'), url.split('/')]
  if (wanted.length !== given.length) return null
  const params: Record<string, string> = {}
  for (const [i, part] of wanted.entries())
    if (part.startsWith(':')) params[part.slice(1)] = decode(given[i]!)
    else if (part !== given[i]) return null
  return params
}

/** What cannot be decoded names nothing. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return ''
  }
}
