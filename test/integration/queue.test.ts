import { fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { AppError } from '@baton/contracts'
import type { FoldOffer } from '@baton/core'
import { openQueue } from '@baton/queue'
import type { ConsumeOptions, Handlers, Queue, QueueBackend } from '@baton/queue'
import { streamKey, uniform } from '@baton/random'
import { createTestDatabase, describeWithRedis, runSql, startRedis } from '@baton/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { openBackend } from '../../packages/queue/src/backend.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'

interface Place {
  readonly backend: QueueBackend
  /** Cuts every connection there is, as a restart does. */
  readonly interrupt: () => Promise<void>
  readonly close: () => Promise<void>
}

async function postgresPlace(): Promise<Place> {
  const { url, drop } = await createTestDatabase({ empty: true })
  const cut =
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()'
  return { backend: { kind: 'postgres', url }, interrupt: async () => void (await runSql(url, cut)), close: drop }
}

async function redisPlace(): Promise<Place> {
  const redis = await startRedis()
  const restart = () => redis.kill().then(redis.start)
  return { backend: { kind: 'redis', url: redis.url }, interrupt: restart, close: redis.stop }
}

describe('the queue on PostgreSQL', () => {
  conformance(postgresPlace)

  test('many sessions that wait need few connections', async () => {
    const place = await postgresPlace()
    onTestFinished(place.close)
    const { queue } = await open(place.backend, 'many')
    const waits = Array.from({ length: 50 }, () => queue.offers.take(['gpu', 'cpu'], { waitMs: 60_000 }))
    const listening = `SELECT count(*)::int AS n FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%LISTEN bullmq_jobs%'`
    await vi.waitFor(async () => expect(await runSql(place.backend.url, listening)).toEqual([{ n: 2 }]))
    await queue.close()
    expect(await Promise.all(waits)).toEqual(waits.map(() => null))
  })
})

describeWithRedis('the queue on Redis', () => {
  conformance(redisPlace)

  test('says at the start that Redis may lose jobs', async () => {
    const redis = await startRedis({ appendonly: 'no', 'maxmemory-policy': 'allkeys-lru' })
    onTestFinished(redis.stop)
    const { log } = await open({ kind: 'redis', url: redis.url }, 'warned')
    const settings = log.map(({ fields }) => (fields as { setting?: string }).setting)
    expect(settings).toEqual(['appendonly', 'maxmemory-policy'])
  })

  test('closes though Redis is away', async () => {
    const redis = await startRedis()
    onTestFinished(redis.stop)
    const { queue } = await open({ kind: 'redis', url: redis.url }, 'away')
    queue.consume('bot', { 'deliver-notifications': async () => undefined })
    const wait = queue.offers.take(['gpu'], { waitMs: 60_000 })
    await redis.kill()
    await expect(queue.ping()).rejects.toMatchObject({ code: 'unavailable' })
    await queue.close()
    expect(await wait).toBeNull()
  })

  test('closes while a wait of its own has lost its connection', { timeout: 30_000 }, async () => {
    const redis = await startRedis()
    onTestFinished(redis.stop)
    const proxy = await startTcpProxy(redis.url)
    onTestFinished(proxy.close)
    const { queue, log } = await open({ kind: 'redis', url: proxy.url }, 'parted')
    const wait = queue.offers.take(['gpu'], { waitMs: 60_000 })
    const direct = await openBackend({ kind: 'redis', url: redis.url }, 'parted', logTo([]))
    onTestFinished(direct.close)
    const client = await direct.queue('any').getBackend().client
    await vi.waitFor(async () => expect(await client.info()).toContain('blocked_clients:1'))
    // The first connection is the one that all share, and closing goes on while it answers.
    proxy.cut(1)
    await vi.waitUntil(() => log.length > 3, { timeout: 20_000 })
    await queue.close()
    expect(await wait).toBeNull()
    expect(log.map(({ message }) => message)).not.toContain(closedWithoutDatabase)
  })
})

function conformance(openPlace: () => Promise<Place>): void {
  let place: Place
  let prefix: string
  let queue: Queue
  let log: LogLine[]
  beforeAll(async () => {
    place = await openPlace()
  })
  afterAll(() => place.close())
  beforeEach(async () => {
    prefix = `t${randomUUID().slice(0, 8)}`
    ;({ queue, log } = await open(place.backend, prefix))
  })

  describe('jobs', () => {
    test('a job runs in its handler, with its payload', async () => {
      const ran = inbox<unknown>()
      const chat = randomUUID()
      await queue.add('deliver-notifications', { chat })
      queue.consume('bot', { 'deliver-notifications': async (payload, { attempt }) => ran.put([payload, attempt]) })
      expect(await ran.next()).toEqual([{ chat }, 1])
    })

    test('a payload that does not fit is refused where it is added and where it is run', async () => {
      await expect(queue.add('fan-out-event', { eventId: 0.5 })).rejects.toThrow('expected int')

      const backend = await openBackend(place.backend, prefix, logTo([]))
      const raw = backend.queue('fan-out-event')
      await raw.add('fan-out-event', { eventId: 'five' }, { attempts: 10 })
      await raw.close()
      await backend.close()
      onFanOut(never)
      await vi.waitUntil(() => log.some(({ level }) => level === 'error'), { timeout: 20_000 })
      expect(log.map(({ message }) => message)).toEqual(['job failed for good'])
    })

    test('while a job waits, another with its id changes nothing', async () => {
      const ran = inbox<number>()
      for (const eventId of [1, 2, 3]) await queue.add('fan-out-event', { eventId }, { id: 'same' })
      await queue.add('fan-out-event', { eventId: 4 }, { id: 'last', priority: -1 })
      onFanOut(async ({ eventId }) => ran.put(eventId), { concurrency: 1 })
      expect([await ran.next(), await ran.next()]).toEqual([1, 4])
    })

    test('a job added while one with its id runs is run after it, once, and never beside it', async () => {
      const ran = inbox<number>()
      const gate = inbox<void>()
      let [atOnce, most] = [0, 0]
      const work = async ({ eventId }: { eventId: number }) => {
        most = Math.max(most, ++atOnce)
        ran.put(eventId)
        await gate.next()
        atOnce--
      }
      onFanOut(work)
      await queue.add('fan-out-event', { eventId: 1 }, { id: 'same' })
      expect(await ran.next()).toBe(1)
      await queue.add('fan-out-event', { eventId: 2 }, { id: 'same' })
      await queue.add('fan-out-event', { eventId: 3 }, { id: 'same' })
      gate.put()
      expect(await ran.next()).toBe(3)
      gate.put()
      await queue.add('fan-out-event', { eventId: 4 }, { id: 'other' })
      gate.put()
      expect(await ran.next()).toBe(4)
      expect(most).toBe(1)
    })

    test('a delayed job lets others go first', async () => {
      const ran = inbox<number>()
      await queue.add('fan-out-event', { eventId: 1 }, { delayMs: 500 })
      await queue.add('fan-out-event', { eventId: 2 })
      onFanOut(async ({ eventId }) => ran.put(eventId))
      expect([await ran.next(), await ran.next()]).toEqual([2, 1])
    })

    test('a higher priority goes first, and equal ones in the order they came', async () => {
      const ran = inbox<number>()
      const priorities = [-1, 0, 5, 0, 5, 1000]
      for (const [index, priority] of priorities.entries())
        await queue.add('fan-out-event', { eventId: index + 1 }, { priority })
      onFanOut(async ({ eventId }) => ran.put(eventId), { concurrency: 1 })
      const order = []
      for (const _ of priorities) order.push(await ran.next())
      expect(order).toEqual([6, 3, 5, 2, 4, 1])
    })

    test('a failed job is tried again', async () => {
      const ran = inbox<number>()
      const fail = async (_: unknown, { attempt }: { attempt: number }) => {
        ran.put(attempt)
        if (attempt < 3) throw new AppError('storage-unavailable')
      }
      onFanOut(fail)
      await queue.add('fan-out-event', { eventId: 1 })
      expect([await ran.next(), await ran.next(), await ran.next()]).toEqual([1, 2, 3])
      expect(log.map(({ level }) => level)).toEqual(['warn', 'warn'])
    })

    test('a failure that a repetition cannot change is final', async () => {
      let runs = 0
      const fail = async () => {
        runs++
        throw new AppError('not-found')
      }
      onFanOut(fail)
      await queue.add('fan-out-event', { eventId: 1 }, { id: 'one' })
      await vi.waitUntil(() => log.length > 0, { timeout: 20_000 })
      expect(log).toMatchObject([
        { level: 'error', message: 'job failed for good', fields: { kind: 'fan-out-event', attempt: 1 } },
      ])
      expect(runs).toBe(1)

      // Failed for good is not waiting: the same may be asked for again.
      await queue.add('fan-out-event', { eventId: 1 }, { id: 'one' })
      await vi.waitUntil(() => log.length > 1, { timeout: 20_000 })
    })

    test('a postponed job comes again, and that is no attempt', async () => {
      const ran = inbox<number>()
      let rounds = 0
      queue.consume('bot', {
        'deliver-notifications': async (_, { attempt, postpone }) => {
          ran.put(attempt)
          if (++rounds < 3) await postpone(10)
        },
      })
      await queue.add('deliver-notifications', { chat: 'a' })
      expect([await ran.next(), await ran.next(), await ran.next()]).toEqual([1, 1, 1])
      expect(log).toEqual([])
    })

    test('the job of a killed process is given to another', async () => {
      const options = JSON.stringify({ backend: place.backend, prefix })
      const holder = fork(fileURLToPath(new URL('./queue-holder.ts', import.meta.url)), [options])
      onTestFinished(() => void holder.kill('SIGKILL'))
      await queue.add('fan-out-event', { eventId: 7 }, { id: 'seven' })
      expect((await once(holder, 'message'))[0]).toBe(7)
      holder.kill('SIGKILL')

      const ran = inbox<number>()
      onFanOut(async ({ eventId }) => ran.put(eventId))
      expect(await ran.next()).toBe(7)
    })

    test('a scheduled job comes again and again, at the newest interval', async () => {
      const ran = inbox<void>()
      queue.consume('coordinator', {
        'assemble-experiment': never,
        'make-submission': never,
        'fan-out-event': never,
        sweep: async () => ran.put(),
      })
      await queue.schedule('sweep', 3_600_000)
      await queue.schedule('sweep', 50)
      for (let run = 0; run < 4; run++) await ran.next()
    })

    test('closing lets a running handler finish', async () => {
      const started = inbox<void>()
      const gate = inbox<void>()
      let isDone = false
      queue.consume('bot', {
        'deliver-notifications': async () => {
          started.put()
          await gate.next()
          isDone = true
        },
      })
      await queue.add('deliver-notifications', { chat: 'a' })
      await started.next()
      const closed = queue.close()
      gate.put()
      await closed
      expect(isDone).toBe(true)
    })
  })

  describe('offers', () => {
    test('each offer goes to one of the sessions that wait', async () => {
      const waits = Array.from({ length: 6 }, () => take(['gpu']))
      const offers = Array.from({ length: 6 }, () => anOffer())
      await Promise.all(offers.map((offer) => queue.offers.offer(offer)))
      const taken = await Promise.all(waits)
      expect(taken.map((offer) => offer?.foldId).toSorted()).toEqual(offers.map(({ foldId }) => foldId).toSorted())
    })

    test('sessions of several processes share them', async () => {
      const { queue: other } = await open(place.backend, prefix)
      const waits = [take(['gpu']), other.offers.take(['gpu'], { waitMs: 60_000 })]
      const offers = [anOffer(), anOffer()]
      for (const offer of offers) await queue.offers.offer(offer)
      const taken = await Promise.all(waits)
      expect(taken).toEqual(expect.arrayContaining(offers))
    })

    test('a higher priority is taken first, equal ones in the order they came', async () => {
      const [low, high, next, same] = [
        anOffer({ priority: 0 }),
        anOffer({ priority: 9 }),
        anOffer({ priority: 5 }),
        anOffer({ priority: 5 }),
      ]
      for (const offer of [low, high, next, same]) await queue.offers.offer(offer)
      const order = []
      for (let index = 0; index < 4; index++) order.push(await take(['gpu']))
      expect(order).toEqual([high, next, same, low])
    })

    test('pools are served in the order a session names them, then whichever is first', async () => {
      const [gpu, cpu] = [anOffer({ pool: 'gpu' }), anOffer({ pool: 'cpu' })]
      await queue.offers.offer(gpu)
      await queue.offers.offer(cpu)
      expect(await take(['cpu', 'gpu'])).toEqual(cpu)
      expect(await take(['cpu', 'gpu'])).toEqual(gpu)

      const wait = take(['cpu', 'gpu'])
      await queue.offers.offer(anOffer({ pool: 'gpu' }))
      expect(await wait).toMatchObject({ pool: 'gpu' })
    })

    test('the same offer waits once, and no longer when it is taken', async () => {
      const offer = anOffer()
      expect(await queue.offers.isWaiting(offer)).toBe(false)
      await queue.offers.offer(offer)
      await queue.offers.offer(offer)
      expect(await queue.offers.isWaiting(offer)).toBe(true)
      expect(await queue.offers.isWaiting({ ...offer, offer: 2 })).toBe(false)
      expect(await take(['gpu'])).toEqual(offer)
      expect(await queue.offers.isWaiting(offer)).toBe(false)
      expect(await queue.offers.take(['gpu'], { waitMs: 0 })).toBeNull()
    })

    test('one that is withdrawn is handed to nobody, and the next one is', async () => {
      const [gone, next] = [anOffer(), anOffer()]
      for (const offer of [gone, next]) await queue.offers.offer(offer)
      queue.offers.withdraw(gone)
      await vi.waitFor(async () => expect(await queue.offers.isWaiting(gone)).toBe(false))
      expect(await queue.offers.take(['gpu'], { waitMs: 60_000 })).toEqual(next)
      // One that is not there is nothing to warn of.
      queue.offers.withdraw(gone)
      await queue.close()
      expect(log).toEqual([])
    })

    test('what waits is found however short the wait; nothing is null', async () => {
      const offer = anOffer()
      await queue.offers.offer(offer)
      expect(await queue.offers.take(['gpu'], { waitMs: 0 })).toEqual(offer)
      expect(await queue.offers.take(['gpu'], { waitMs: 50 })).toBeNull()
      expect(await queue.offers.take([], { waitMs: 0 })).toBeNull()
    })

    test('a session that went away gets none, and the next one does', async () => {
      const gone = new AbortController()
      const wait = queue.offers.take(['gpu'], { waitMs: 60_000, signal: gone.signal })
      gone.abort()
      expect(await wait).toBeNull()
      expect(await queue.offers.take(['gpu'], { waitMs: 60_000, signal: gone.signal })).toBeNull()

      const offer = anOffer()
      await queue.offers.offer(offer)
      expect(await take(['gpu'])).toEqual(offer)
    })

    test.each([1, 2, 3])('no offer is lost or doubled while sessions come and go (seed %i)', async (seed) => {
      const offers = Array.from({ length: 60 }, () => anOffer())
      const taken: string[] = []
      const key = streamKey(seed, 'sessions')
      let draws = 0
      let isOver = false
      onTestFinished(() => void (isOver = true))
      const draw = () => uniform(key, draws++)
      const session = async () => {
        while (taken.length < offers.length && !isOver) {
          const gone = new AbortController()
          // Aborted in any of the stages of a wait: turns of the event loop lie between them.
          void turns(Math.floor(draw() * 40)).then(() => gone.abort())
          const offer = await queue.offers.take(['gpu'], { waitMs: 60_000, signal: gone.signal })
          if (offer) taken.push(offer.foldId)
        }
      }
      const sessions = Array.from({ length: 5 }, session)
      for (const offer of offers) await queue.offers.offer(offer)
      await Promise.all(sessions)
      expect(taken.toSorted()).toEqual(offers.map(({ foldId }) => foldId).toSorted())
    })

    test('an offer that went back keeps its place', async () => {
      const [first, second] = [anOffer(), anOffer()]
      await queue.offers.offer(first)
      await queue.offers.offer(second)
      const backend = await openBackend(place.backend, prefix, logTo([]))
      const worker = backend.worker('offers-gpu', null, { autorun: false })
      const job = await worker.getNextJob('by-hand')
      await job.moveToWait('by-hand')
      await worker.close()
      await backend.close()
      expect([await take(['gpu']), await take(['gpu'])]).toEqual([first, second])
    })

    test('an offer taken by a process that died comes back', async () => {
      const offer = anOffer()
      await queue.offers.offer(offer)
      const dead = await openBackend(place.backend, prefix, logTo([]))
      const worker = dead.worker('offers-gpu', null, { autorun: false, lockDuration: 500 })
      expect(await worker.getNextJob('dead')).toBeDefined()
      await worker.close()
      await dead.close()
      expect(await take(['gpu'])).toEqual(offer)
    })

    test('an offer that is not one is dropped, with a word, and the next is taken', async () => {
      const backend = await openBackend(place.backend, prefix, logTo([]))
      const raw = backend.queue('offers-gpu')
      await raw.add('offer-fold', { foldId: 'nonsense' })
      await raw.close()
      await backend.close()
      const offer = anOffer()
      await queue.offers.offer(offer)
      expect(await take(['gpu'])).toEqual(offer)
      expect(log).toMatchObject([{ level: 'error', message: 'offer dropped: its payload does not fit' }])
      await expect(queue.offers.offer({ ...offer, offer: 0 })).rejects.toThrow()
    })

    test('closing ends the waits, and leaves what waits to others', async () => {
      const waits = [take(['gpu']), take(['gpu', 'cpu'])]
      const closed = queue.close()
      expect(await Promise.all(waits)).toEqual([null, null])
      await Promise.all([closed, queue.close()])

      const { queue: next } = await open(place.backend, prefix)
      const offer = anOffer()
      await next.offers.offer(offer)
      expect(await next.offers.take(['gpu'], { waitMs: 60_000 })).toEqual(offer)
    })
  })

  test('waits and consumers outlive a restart of the database', async () => {
    const ran = inbox<string>()
    queue.consume('bot', { 'deliver-notifications': async ({ chat }) => ran.put(chat) })
    const wait = take(['gpu'])
    await queue.add('deliver-notifications', { chat: 'before' })
    expect(await ran.next()).toBe('before')

    await place.interrupt()
    await vi.waitFor(() => queue.ping(), { timeout: 60_000 })
    await queue.add('deliver-notifications', { chat: 'after' })
    expect(await ran.next()).toBe('after')
    const offer = anOffer()
    await queue.offers.offer(offer)
    expect(await wait).toEqual(offer)
  })

  test.each(['cut', 'freeze'] as const)(
    'closing ends though the database goes away while it closes (%s)',
    async (how) => {
      const proxy = await startTcpProxy(place.backend.url)
      onTestFinished(proxy.close)
      const { queue: closing, log } = await open({ ...place.backend, url: proxy.url }, prefix)
      const started = inbox<void>()
      const gate = inbox<void>()
      onTestFinished(() => gate.put())
      closing.consume('bot', {
        'deliver-notifications': async () => {
          started.put()
          await gate.next()
        },
      })
      const wait = closing.offers.take(['gpu'], { waitMs: 60_000 })
      await closing.add('deliver-notifications', { chat: 'a' })
      await started.next()
      const closed = closing.close()
      // Offers are closed, and closing waits for the handler.
      expect(await wait).toBeNull()
      proxy[how]()
      await closed
      expect(log.map(({ message }) => message)).toContain(closedWithoutDatabase)
    },
  )

  test('a database that is not there is unavailable', async () => {
    const url = place.backend.kind === 'redis' ? 'redis://127.0.0.1:1' : 'postgresql://127.0.0.1:1/none'
    const opening = openQueue({ backend: { ...place.backend, url }, log: logTo([]) })
    await expect(opening).rejects.toMatchObject({ code: 'unavailable' })
  })

  const onFanOut = (work: Handlers<'coordinator'>['fan-out-event'], options?: ConsumeOptions) =>
    queue.consume(
      'coordinator',
      { 'assemble-experiment': never, 'make-submission': never, sweep: never, 'fan-out-event': work },
      options,
    )
  const take = (pools: string[]) => queue.offers.take(pools, { waitMs: 60_000 })
}

const closedWithoutDatabase = 'queue closed without its database: what was under way comes again'

interface LogLine {
  readonly level: string
  readonly fields: object
  readonly message: string
}

async function open(backend: QueueBackend, prefix: string): Promise<{ queue: Queue; log: LogLine[] }> {
  const log: LogLine[] = []
  const queue = await openQueue({ backend, prefix, log: logTo(log) })
  onTestFinished(() => queue.close())
  return { queue, log }
}

function logTo(lines: LogLine[]) {
  const at = (level: string) => (fields: object, message: string) => void lines.push({ level, fields, message })
  return { info: at('info'), warn: at('warn'), error: at('error') }
}

function anOffer(some: Partial<FoldOffer> = {}): FoldOffer {
  return { foldId: randomUUID(), offer: 1, pool: 'gpu', priority: 0, ...some }
}

/** A handler of jobs that a test does not add. */
const never = () => expect.unreachable()

/** What one side puts and the other waits for, in order. */
function inbox<T>() {
  const items: T[] = []
  const takers: ((item: T) => void)[] = []
  return {
    put: (item: T) => {
      const taker = takers.shift()
      if (taker) taker(item)
      else items.push(item)
    },
    next: () =>
      items.length > 0 ? Promise.resolve(items.shift()!) : new Promise<T>((resolve) => takers.push(resolve)),
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate)
}
