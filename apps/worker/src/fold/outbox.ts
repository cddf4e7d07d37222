import type { LogLine, MetricPoint } from '@baton/contracts'

/** What one heartbeat carries. */
interface Batch {
  readonly metrics: readonly MetricPoint[]
  readonly logs: readonly LogLine[]
}

/** Metrics and log lines of one lease on their way to the API. */
export interface Outbox {
  addMetrics(points: readonly Omit<MetricPoint, 'seq'>[]): void
  addLog(level: LogLine['level'], text: string): void
  /** The oldest batch that was not acknowledged: the same one, unchanged, until it is. */
  next(): Batch
  /** The batch that `next` returned arrived, or never will. */
  acknowledge(): void
  isEmpty(): boolean
}

export interface OutboxLimits {
  /** Metric points kept while the API is away. */
  readonly metrics: number
  /** Log lines kept while the API is away. */
  readonly logs: number
}

/** Some hours of a training that reports each second. */
const defaultLimits: OutboxLimits = { metrics: 50_000, logs: 5000 }
/** One heartbeat's share: far below what the route takes, so that its body stays below a megabyte. */
const batchMetrics = 2000
const batchLogs = 500
const batchLogCharacters = 200_000

/**
 * An empty outbox. Sequence numbers are given when a batch is made, so they have no gaps; a batch sent again is
 * the same, so the API stores it once.
 *
 * While the API is away it fills up to its limits. Then the newest log lines stay, metrics of the commonest names
 * are thinned to every second point, and a log line says so.
 */
export function createOutbox(limits: OutboxLimits = defaultLimits): Outbox {
  let metrics: Omit<MetricPoint, 'seq'>[] = []
  let logs: Omit<LogLine, 'seq'>[] = []
  let pending: Batch | null = null
  let lost = { metrics: 0, logs: 0 }
  let seq = { metrics: 0, logs: 0 }

  function makeBatch(): Batch {
    sayWhatIsLost()
    const batch = {
      metrics: metrics.slice(0, batchMetrics).map((point, i) => ({ ...point, seq: seq.metrics + i + 1 })),
      logs: logs.slice(0, linesThatFit(logs)).map((line, i) => ({ ...line, seq: seq.logs + i + 1 })),
    }
    metrics = metrics.slice(batch.metrics.length)
    logs = logs.slice(batch.logs.length)
    seq = { metrics: seq.metrics + batch.metrics.length, logs: seq.logs + batch.logs.length }
    return batch
  }

  function sayWhatIsLost(): void {
    if (lost.metrics + lost.logs === 0) return
    const text = `${lost.logs} log lines and ${lost.metrics} metric points were dropped while the API was away`
    logs.unshift({ level: 'warn', text })
    lost = { metrics: 0, logs: 0 }
  }

  return {
    addMetrics(points) {
      metrics.push(...points)
      if (metrics.length <= limits.metrics) return
      const thinned = thin(metrics)
      lost.metrics += metrics.length - thinned.length
      metrics = thinned
    },
    addLog(level, text) {
      logs.push({ level, text: text.slice(0, 2000) })
      if (logs.length <= limits.logs) return
      logs.shift()
      lost.logs++
    },
    next: () => (pending ??= makeBatch()),
    acknowledge() {
      pending = null
    },
    isEmpty: () => pending === null && metrics.length === 0 && logs.length === 0,
  }
}

/** Drops every second point of the names that have at least their share, so that rare ones, evaluations, all stay. */
function thin<T extends { name: string }>(points: readonly T[]): T[] {
  const counts = new Map<string, number>()
  for (const { name } of points) counts.set(name, (counts.get(name) ?? 0) + 1)
  const share = points.length / counts.size
  const met = new Map<string, number>()
  return points.filter(({ name }) => {
    const nth = met.get(name) ?? 0
    met.set(name, nth + 1)
    return counts.get(name)! < share || nth % 2 === 0
  })
}

function linesThatFit(logs: readonly { text: string }[]): number {
  let characters = 0
  const end = logs.findIndex(({ text }, i) => i >= batchLogs || (characters += text.length) > batchLogCharacters)
  return end === -1 ? logs.length : Math.max(1, end)
}
