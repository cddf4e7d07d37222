import type { Client, Command, Lease, Progress } from '@baton/contracts'
import { delayBeforeRetry, retrying, verdictOn } from '../retry-policy.ts'
import type { Tools } from '../retry-policy.ts'
import type { Outbox } from './outbox.ts'

export interface HeartbeatInput {
  readonly api: Client
  readonly lease: Lease
  readonly everySeconds: number
  readonly outbox: Outbox
  readonly progress: () => Progress | null
  readonly secondsLeft: () => number | null
  readonly onCommand: (command: Command) => void
  /** The API said that this session or its lease is over. Called once. */
  readonly onRefused: (error: unknown) => void
}

export interface Heartbeat {
  /** Sends what is in the outbox, however long that takes. @throws as `retrying` */
  flush(signal: AbortSignal): Promise<void>
  stop(): void
}

/**
 * Renews a lease until stopped, each beat `everySeconds` after the answer to the last. A beat that fails is tried
 * again with backoff, at most a beat apart; the training goes on meanwhile.
 */
export function startHeartbeat(tools: Tools, input: HeartbeatInput): Heartbeat {
  const stopped = new AbortController()
  let beating: Promise<unknown> = Promise.resolve()

  /** One beat after the other: the timer's and a flush never send the same batch side by side. */
  function beat(signal: AbortSignal): Promise<void> {
    const next = beating.then(() => sendBeat(tools, input, signal))
    beating = next.catch(() => undefined)
    return next
  }

  async function run(): Promise<void> {
    for (let failures = 0; ;) {
      try {
        await beat(stopped.signal)
        failures = 0
      } catch (error) {
        if (stopped.signal.aborted) return
        if (verdictOn(error) !== 'retry') return input.onRefused(error)
        tools.log[failures === 0 ? 'debug' : 'warn']({ error, failures: failures + 1 }, 'heartbeat failed')
        failures++
      }
      const everyMs = 1000 * input.everySeconds
      const delayMs = failures === 0 ? everyMs : Math.min(everyMs, delayBeforeRetry(failures - 1, tools.random))
      await tools.clock.sleep(delayMs, stopped.signal).catch(() => undefined)
      if (stopped.signal.aborted) return
    }
  }

  void run()
  return {
    async flush(signal) {
      while (!input.outbox.isEmpty()) await retrying(tools, { what: 'heartbeat', signal }, () => beat(signal))
    },
    stop: () => stopped.abort(),
  }
}

async function sendBeat(tools: Tools, input: HeartbeatInput, signal: AbortSignal): Promise<void> {
  const { api, lease, outbox } = input
  const { metrics, logs } = outbox.next()
  const body = {
    fence: lease.fence,
    progress: input.progress(),
    secondsLeft: input.secondsLeft(),
    metrics: [...metrics],
    logs: [...logs],
  }
  try {
    const { command } = await api.heartbeat({ params: { fold: lease.foldId }, body }, { signal })
    outbox.acknowledge()
    if (command !== null) input.onCommand(command)
  } catch (error) {
    if (signal.aborted || verdictOn(error) !== 'fail-fold' || metrics.length + logs.length === 0) throw error
    // The API will never take this batch; the lease must be renewed all the same.
    tools.log.error({ error, metrics: metrics.length, logs: logs.length }, 'batch refused and dropped')
    outbox.acknowledge()
  }
}
