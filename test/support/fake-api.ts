import { createHash, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { AppError, DatasetManifest, isAppError, parseSpec, problems, routes } from '@baton/contracts'
import type {
  Blob,
  Command,
  ExperimentSpecInput,
  Failure,
  FoldResult,
  Lease,
  LogLine,
  MetricPoint,
  Progress,
  RouteName,
  RouteRequest,
  RouteResponse,
  RouteSpec,
  SessionRegistration,
} from '@baton/contracts'

/** The routes that a session calls. */
const served = [
  'registerSession',
  'endSession',
  'acquireLease',
  'heartbeat',
  'createFoldUploads',
  'createFoldDownloads',
  'recordCheckpoint',
  'handOverFold',
  'completeFold',
  'failFold',
] as const satisfies RouteName[]
type Served = (typeof served)[number]
type Handlers = { [N in Served]: (request: RouteRequest<N>, session: FakeSession) => Promise<RouteResponse<N>> }

interface FakeSession {
  readonly id: string
  readonly token: string
  readonly registration: SessionRegistration
  status: 'active' | 'draining' | 'ended'
}

export interface FakeFold {
  readonly id: string
  readonly spec: Lease['spec']
  readonly code: Blob | null
  status: 'ready' | 'leased' | 'paused' | 'completed' | 'failed' | 'cancelled'
  fence: number
  holder: string | null
  /** How each attempt ended so far. */
  readonly attempts: string[]
  cancelAsked: boolean
  pauseAsked: boolean
  /** Given with the next heartbeat. */
  command: Command | null
  /** Failures after which it is tried again at once. */
  retries: number
  checkpoint: Lease['checkpoint']
  /** Steps of the committed checkpoints, in order. */
  readonly checkpointSteps: number[]
  progress: Progress | null
  readonly metrics: Map<number, MetricPoint>
  readonly logs: Map<number, LogLine>
  result: FoldResult | null
  failure: Failure | null
}

/** A call as it arrived; storage's are `PUT` and `GET`. `status`: what it was answered with, 0 for a cut connection. */
export interface FakeCall {
  readonly name: Served | 'PUT' | 'GET'
  readonly body: unknown
  readonly digest: string | null
  readonly range: string | null
  readonly status: number
}

/** What goes wrong with the next `times` calls of a name. */
interface FakeFault {
  readonly on: FakeCall['name']
  readonly times: number
  /**
   * A status; `cut`: no answer, or half of it; `deaf`: done, but the answer is lost; `late`: done, but answered only
   * after a heartbeat was refused.
   */
  readonly how: number | 'cut' | 'deaf' | 'late'
  /** Only calls with such a body; storage's have none, and are told by `digest` and `range`. */
  readonly when?: (body: unknown) => boolean
}

export interface FakeApi {
  readonly url: string
  readonly calls: readonly FakeCall[]
  readonly blobs: ReadonlyMap<string, Uint8Array>
  readonly sessions: readonly FakeSession[]
  /** Calls that a schema refused: none, or the worker is wrong. */
  readonly refusals: readonly string[]
  issueEnrolment(): string
  addBlob(bytes: Uint8Array): Blob
  /** A fold that is ready. Its dataset: as given, or one small enough for trainings that read none. */
  addFold(options: {
    spec?: Partial<ExperimentSpecInput>
    code?: Blob | null
    shards?: Blob[]
    manifest?: Blob
  }): FakeFold
  /** Another session takes the fold: the fence grows. */
  takeOver(fold: FakeFold): void
  fail(fault: FakeFault): void
  /** Addresses given so far answer 403 from now on. */
  expireAddresses(): void
  /** Refuses connections and drops those it has. */
  goAway(): Promise<void>
  comeBack(): Promise<void>
  /** Resolves once the condition holds; looked at after every call. */
  until(condition: () => boolean): Promise<void>
  close(): Promise<void>
}

export interface FakeApiOptions {
  readonly heartbeatSeconds?: number
  readonly leaseSeconds?: number
  /** What sessions that do not say how long they live are given; default no end. */
  readonly sessionSeconds?: number
  /** Where an object lies that a real storage has; null: it lies here. */
  readonly elsewhere?: (digest: string) => Promise<string> | null
}

/**
 * An API and storage for workers, in memory but over real HTTP: routes and schemas are the contracts', leases carry
 * real fences, storage checks digests and answers ranges. It can fail in the ways that networks do.
 */
export async function startFakeApi(options: FakeApiOptions = {}): Promise<FakeApi> {
  const { heartbeatSeconds = 0.1, leaseSeconds = 60, sessionSeconds = null, elsewhere = () => null } = options
  const blobs = new Map<string, Uint8Array>()
  const enrolments = new Set<string>()
  const sessions: FakeSession[] = []
  const folds: FakeFold[] = []
  const calls: FakeCall[] = []
  const refusals: string[] = []
  const faults: (FakeFault & { left: number })[] = []
  const waiters = new Set<() => void>()
  let signature = randomUUID()
  let port = 0

  const changed = (): void => waiters.forEach((look) => look())
  const until = (condition: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return
        waiters.delete(look)
        resolve()
      }
      waiters.add(look)
      look()
    })

  function heldFold(id: string, fence: number, session: FakeSession): FakeFold {
    const fold = folds.find((one) => one.id === id)
    if (fold?.status !== 'leased' || fold.holder !== session.id || fold.fence !== fence)
      throw new AppError('lease-lost', { foldId: id })
    return fold
  }

  function release(fold: FakeFold, attempt: string, status: FakeFold['status']): void {
    fold.attempts.push(fold.cancelAsked ? 'cancelled' : attempt)
    fold.status = fold.cancelAsked ? 'cancelled' : fold.pauseAsked && status === 'ready' ? 'paused' : status
    fold.holder = null
  }

  function lackingBlobs(wanted: readonly Blob[]): void {
    const digests = wanted.filter(({ digest, sizeBytes }) => blobs.get(digest)?.length !== sizeBytes)
    if (digests.length > 0) throw new AppError('blob-missing', { digests: digests.map(({ digest }) => digest) })
  }

  function leaseOf(fold: FakeFold, session: FakeSession): Lease {
    fold.status = 'leased'
    fold.holder = session.id
    fold.fence++
    fold.metrics.clear()
    fold.logs.clear()
    return {
      foldId: fold.id,
      fence: fold.fence,
      attempt: fold.attempts.length + 1,
      leaseSeconds,
      project: 'demo',
      version: 1,
      fold: 0,
      spec: fold.spec,
      specDigest: digestOf(Buffer.from(JSON.stringify(fold.spec))),
      dataset: datasetOf.get(fold)!,
      code: fold.code,
      inputs: [],
      checkpoint: fold.checkpoint,
      traceparent: null,
    }
  }

  const datasetOf = new Map<FakeFold, Lease['dataset']>()
  const address = (digest: string): string => `http://127.0.0.1:${port}/blobs/${digest}?X-Amz-Signature=${signature}`

  const handlers: Handlers = {
    async registerSession({ body }) {
      const session: FakeSession = {
        id: randomUUID(),
        token: `session-${randomUUID()}`,
        registration: body,
        status: 'active',
      }
      sessions.push(session)
      const secondsLeft = body.secondsLeft ?? sessionSeconds
      return { id: session.id, token: session.token, secondsLeft, heartbeatSeconds, leaseSeconds }
    },
    async endSession(_, session) {
      session.status = 'ended'
    },
    async acquireLease({ body }, session) {
      if (session.status === 'draining') return { lease: null, command: 'drain' }
      const ready = (): FakeFold | undefined => folds.find((fold) => fold.status === 'ready')
      const timeout = new Promise<void>((resolve) => setTimeout(resolve, 1000 * body.waitSeconds))
      await Promise.race([until(() => ready() !== undefined), timeout])
      const fold = ready()
      return { lease: fold ? leaseOf(fold, session) : null, command: null }
    },
    async heartbeat({ params, body }, session) {
      const fold = heldFold(params.fold, body.fence, session)
      fold.progress = body.progress ?? fold.progress
      for (const point of body.metrics) if (!fold.metrics.has(point.seq)) fold.metrics.set(point.seq, point)
      for (const line of body.logs) if (!fold.logs.has(line.seq)) fold.logs.set(line.seq, line)
      const asked = fold.pauseAsked ? 'pause' : fold.command
      const command = fold.cancelAsked ? 'cancel' : session.status === 'draining' ? 'drain' : asked
      fold.command = null
      return { leaseSeconds, command }
    },
    async createFoldUploads({ params, body }, session) {
      heldFold(params.fold, body.fence, session)
      const items = body.blobs.map(({ digest }) => ({
        digest,
        put: blobs.has(digest) ? null : { url: address(digest), headers: { 'x-test': 'sent' } },
      }))
      return { items }
    },
    async createFoldDownloads({ params, body }, session) {
      heldFold(params.fold, body.fence, session)
      const item = async (digest: string) => ({ digest, url: (await elsewhere(digest)) ?? address(digest) })
      return { items: await Promise.all(body.digests.map(item)) }
    },
    async recordCheckpoint({ params, body }, session) {
      const fold = heldFold(params.fold, body.fence, session)
      lackingBlobs(body.manifest.files)
      const digest = digestOf(Buffer.from(JSON.stringify(body.manifest)))
      fold.checkpoint = { digest, manifest: body.manifest }
      fold.checkpointSteps.push(body.manifest.position.step)
      return { digest, step: body.manifest.position.step, committedAt: new Date(0).toISOString() }
    },
    async handOverFold({ params, body }, session) {
      release(heldFold(params.fold, body.fence, session), 'handed_over', 'ready')
    },
    async completeFold({ params, body }, session) {
      const fold = heldFold(params.fold, body.fence, session)
      const { oof, test, weights } = body.result
      lackingBlobs([oof, weights, ...(test ? [test] : [])])
      fold.result = body.result
      release(fold, 'completed', 'completed')
    },
    async failFold({ params, body }, session) {
      const fold = heldFold(params.fold, body.fence, session)
      fold.failure = body.failure
      const isRetried = fold.retries-- > 0
      release(fold, 'failed', isRetried ? 'ready' : 'failed')
      return isRetried ? { outcome: 'retrying', retryInSeconds: 0 } : { outcome: 'given-up', retryInSeconds: null }
    },
  }

  /** Whose token it is; enrolment tokens are used up by their first use. */
  function authenticate(name: Served, request: IncomingMessage): FakeSession {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
    if (name === 'registerSession') {
      if (!enrolments.delete(token)) throw new AppError('unauthenticated')
      return undefined as unknown as FakeSession
    }
    const session = sessions.find((one) => one.token === token && one.status !== 'ended')
    if (!session) throw new AppError('unauthenticated')
    return session
  }

  async function answerRoute(name: Served, params: Record<string, string>, request: IncomingMessage, body: unknown) {
    const session = authenticate(name, request)
    const route: RouteSpec = routes[name]
    const parsed = route.body?.safeParse(body)
    if (parsed && !parsed.success) {
      refusals.push(`${name}: ${parsed.error.message}`)
      throw new AppError('request-invalid', {}, { detail: parsed.error.message })
    }
    const handler = handlers[name] as (request: unknown, session: FakeSession) => Promise<unknown>
    const response = await handler({ params, body: parsed?.data }, session)
    return response === undefined ? null : (route.response?.parse(response) ?? null)
  }

  async function onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fake')
    const bytes = await buffer(request)
    if (url.pathname.startsWith('/blobs/')) return onStorage(url, request, response, bytes)
    const match = matchRoute(request.method ?? '', url.pathname)
    if (!match) return void response.writeHead(404).end()
    const body: unknown = bytes.length > 0 ? JSON.parse(bytes.toString()) : undefined
    const note = (status: number): void => {
      calls.push({ name: match.name, body, digest: null, range: null, status })
      changed()
    }
    const fault = takeFault(match.name, body)
    if (fault === 'cut') {
      request.socket.destroy()
      return note(0)
    }
    if (typeof fault === 'number') {
      response.writeHead(fault, { 'content-type': 'text/html' }).end('<h1>a proxy</h1>')
      return note(fault)
    }
    try {
      const answer = await answerRoute(match.name, match.params, request, body)
      if (fault === 'deaf') {
        request.socket.destroy()
        return note(0)
      }
      if (fault === 'late') await until(() => calls.some((call) => call.name === 'heartbeat' && call.status === 409))
      const status = routes[match.name].status
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(answer === null ? undefined : JSON.stringify(answer))
      note(status)
    } catch (error) {
      if (!isAppError(error)) throw error
      const { status, title, retryable, remedy } = problems[error.code]
      const problem = { type: 'about:blank', title, status, code: error.code, retryable, remedy, detail: error.message }
      response.writeHead(status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem))
      note(status)
    }
  }

  function onStorage(url: URL, request: IncomingMessage, response: ServerResponse, bytes: Buffer): void {
    const digest = url.pathname.slice('/blobs/'.length)
    const name = request.method as 'PUT' | 'GET'
    const range = request.headers.range ?? null
    const answer = (status: number, body: Uint8Array = new Uint8Array()): void => {
      response.writeHead(status, { 'content-length': body.length }).end(body)
      calls.push({ name, body: null, digest, range, status })
      changed()
    }
    const fault = takeFault(name, { digest, range })
    if (fault === 'cut') {
      const whole = rangeOf(blobs.get(digest) ?? new Uint8Array(), range)
      response.writeHead(206, { 'content-length': whole.length })
      response.write(whole.subarray(0, Math.floor(whole.length / 2)), () => request.socket.destroy())
      calls.push({ name, body: null, digest, range, status: 0 })
      return changed()
    }
    if (typeof fault === 'number') return answer(fault)
    if (url.searchParams.get('X-Amz-Signature') !== signature) return answer(403)
    if (name === 'PUT') {
      const isRight = request.headers['x-test'] === 'sent' && digestOf(bytes) === digest
      if (isRight && request.headers['content-length'] === String(bytes.length)) blobs.set(digest, bytes)
      return answer(isRight ? 200 : 400)
    }
    const blob = blobs.get(digest)
    return blob ? answer(206, rangeOf(blob, range)) : answer(404)
  }

  function takeFault(name: FakeCall['name'], body: unknown): FakeFault['how'] | null {
    const fault = faults.find(({ on, left, when }) => on === name && left > 0 && (when?.(body) ?? true))
    if (!fault) return null
    fault.left--
    return fault.how
  }

  const server = createServer((request, response) => {
    // A worker that hangs up in the middle of a call is what tests are about.
    onRequest(request, response).catch(() => response.destroy())
  })
  const listen = (): Promise<void> => new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
  const shut = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  await listen()
  port = (server.address() as AddressInfo).port

  function addBlob(bytes: Uint8Array): Blob {
    const digest = digestOf(bytes)
    blobs.set(digest, bytes)
    return { digest, sizeBytes: bytes.length }
  }

  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    blobs,
    sessions,
    refusals,
    until,
    addBlob,
    issueEnrolment() {
      const token = `enrolment-${randomUUID()}`
      enrolments.add(token)
      return token
    },
    addFold({ spec = {}, code = null, shards = [addBlob(Buffer.from('a shard'))], manifest }) {
      const fold: FakeFold = {
        id: randomUUID(),
        spec: parseSpec({ ...smallSpec, code: code?.digest ?? null, ...spec }),
        code,
        status: 'ready',
        fence: 0,
        holder: null,
        attempts: [],
        cancelAsked: false,
        pauseAsked: false,
        command: null,
        retries: 0,
        checkpoint: null,
        checkpointSteps: [],
        progress: null,
        metrics: new Map(),
        logs: new Map(),
        result: null,
        failure: null,
      }
      datasetOf.set(fold, { manifest: manifest ?? addBlob(manifestBytes(shards)), shards })
      folds.push(fold)
      changed()
      return fold
    },
    takeOver(fold) {
      fold.attempts.push('lost')
      fold.fence++
      fold.holder = randomUUID()
      changed()
    },
    fail: (fault) => void faults.push({ ...fault, left: fault.times }),
    expireAddresses: () => void (signature = randomUUID()),
    goAway: shut,
    comeBack: listen,
    close: shut,
  }
}

function matchRoute(method: string, path: string): { name: Served; params: Record<string, string> } | null {
  for (const name of served) {
    const route = routes[name]
    const pattern = new RegExp(`^${route.path.replace(/:([a-z]+)/g, '(?<$1>[^/]+)')}$`)
    const match = route.method === method ? pattern.exec(path) : null
    if (match) return { name, params: { ...match.groups } }
  }
  return null
}

function rangeOf(bytes: Uint8Array, range: string | null): Uint8Array {
  const match = /^bytes=(\d+)-(\d+)$/.exec(range ?? '')
  return match ? bytes.subarray(Number(match[1]), Number(match[2]) + 1) : bytes
}

export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function manifestBytes(shards: Blob[]): Uint8Array {
  const sample = {
    id: 'a',
    split: 'train',
    group: null,
    labels: [0],
    shard: 0,
    offset: 0,
    length: 1,
    digest: '0'.repeat(64),
  }
  const manifest = {
    format: 'baton.dataset/1',
    labelGroups: [{ name: 'all', labels: ['one', 'two'] }],
    shards,
    samples: [sample],
    licences: [],
  }
  return Buffer.from(JSON.stringify(DatasetManifest.parse(manifest)))
}

/** As little as a spec takes. */
const smallSpec: ExperimentSpecInput = {
  name: 'small',
  dataset: 'small',
  folds: { count: 2 },
  model: { name: 'convnet', width: 4, blocks: 1 },
  image: { size: 8 },
  stages: [{ name: 'all', epochs: 1, batch: 4, schedule: { name: 'constant', lr: 0.01 } }],
}
