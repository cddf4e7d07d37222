import type { Attempt } from '@baton/contracts'
import { attemptSpan, experimentSpan, offerSpan } from '@baton/core'
import type { FoldRecord, NewLease, Tables } from '@baton/core'
import type { Database } from '@baton/db'
import type { Span, Tracer } from '@baton/trace'

/**
 * The store, with a span for each offer that became a lease and each attempt that ended, whoever ended it: a worker, a
 * person, or the sweep that finds a session silent. They are recorded once the transaction is through; what was rolled
 * back has none.
 */
export function traceStore(database: Database, tracer: Tracer): Database {
  return {
    ...database,
    async transaction(work) {
      const spans: Span[] = []
      const result = await database.transaction((tables) => work(watched(tables, spans)))
      for (const span of spans) tracer.record(span)
      return result
    },
  }
}

function watched(tables: Tables, spans: Span[]): Tables {
  const { folds } = tables
  return {
    ...tables,
    folds: {
      ...folds,
      async lease(fold, to) {
        const lease = await folds.lease(fold, to)
        spans.push(spanOfOffer(fold, lease))
        return lease
      },
      async release(fold, as) {
        await folds.release(fold, as)
        const attempt = await folds.attempt(fold.id, fold.attempt)
        if (attempt !== null) spans.push(spanOfAttempt(fold, attempt))
      },
    },
  }
}

function spanOfOffer(fold: FoldRecord, { dueAt, offeredAt, leasedAt, attempt }: NewLease): Span {
  const queued = offeredAt === null ? [] : [{ name: 'queued', atMs: offeredAt.getTime() }]
  return {
    ...offerSpan(fold.experimentId, fold.id, fold.offer),
    name: 'offer',
    parent: experimentSpan(fold.experimentId),
    startMs: dueAt.getTime(),
    endMs: leasedAt.getTime(),
    events: queued,
    attributes: { ...namesOf(fold), 'baton.attempt': attempt, 'baton.offer': fold.offer, 'baton.pool': fold.pool },
  }
}

function spanOfAttempt(fold: FoldRecord, { number, status, startedAt, endedAt, failure, ...attempt }: Attempt): Span {
  const startMs = Date.parse(startedAt)
  return {
    ...attemptSpan(fold.experimentId, fold.id, number),
    name: 'attempt',
    parent: experimentSpan(fold.experimentId),
    links: number > 1 ? [attemptSpan(fold.experimentId, fold.id, number - 1)] : [],
    startMs,
    endMs: endedAt === null ? startMs : Date.parse(endedAt),
    attributes: {
      ...namesOf(fold),
      'baton.attempt': number,
      'baton.attempt.status': status,
      'baton.session.id': attempt.sessionId,
      'baton.step.start': attempt.startStep,
      'baton.step.end': attempt.endStep,
    },
    ...(status === 'lost' ? { error: status } : {}),
    ...(status === 'failed' ? { error: failure?.code ?? status } : {}),
  }
}

function namesOf({ id, experimentId, index }: FoldRecord) {
  return { 'baton.experiment.id': experimentId, 'baton.fold.id': id, 'baton.fold': index }
}
