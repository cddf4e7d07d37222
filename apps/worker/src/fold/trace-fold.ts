import { isAppError } from '@baton/contracts'
import type { Lease } from '@baton/contracts'
import { parseTraceparent } from '@baton/trace'
import type { Span, Tracer } from '@baton/trace'
import type { FromTraining } from '../child/messages.ts'

/** What a session does with a fold, as spans within its attempt's. */
export interface FoldTrace {
  /** Takes what the training says. */
  hear(message: FromTraining): void
  /** The training ended with its predictions. */
  predicted(): void
  /** Does the work, and records how long it took and whether it failed. */
  around<T>(name: string, attributes: NonNullable<Span['attributes']>, work: () => Promise<T>): Promise<T>
}

/** Records nothing. */
export const untraced: FoldTrace = {
  hear: () => undefined,
  predicted: () => undefined,
  around: (_, __, work) => work(),
}

/** Steps are many thousands: beside a session's first one, one in so many milliseconds is recorded. */
const stepEveryMs = 30_000

/**
 * Records what is worth seeing of an attempt: how long until the first step, steps now and then, evaluations,
 * checkpoints, what the end takes. Without a tracer, or a trace to join, it records nothing.
 *
 * @param now Milliseconds since the epoch.
 */
export function traceFold(tracer: Tracer | null, lease: Lease, now: () => number = Date.now): FoldTrace {
  const attempt = parseTraceparent(lease.traceparent)
  if (tracer === null || attempt === null) return untraced
  const common = { 'baton.fold.id': lease.foldId, 'baton.fold': lease.fold, 'baton.attempt': lease.attempt }
  const openedMs = now()
  let lastStep = lease.checkpoint?.manifest.position.step ?? 0
  /** When the training last went on, as far as it said. */
  let movedMs = openedMs
  let recordedMs: number | null = null

  function record(name: string, startMs: number, attributes: Span['attributes'], error?: string): void {
    const { traceId } = attempt!
    const span = { name, traceId, parent: attempt!, startMs, endMs: now(), attributes: { ...common, ...attributes } }
    tracer!.record(error === undefined ? span : { ...span, error })
  }

  function hearProgress({ progress: { step, stage, loss }, stepSeconds }: FromTraining & { kind: 'progress' }): void {
    if (step <= lastStep) return
    lastStep = step
    movedMs = now()
    if (recordedMs !== null && movedMs - recordedMs < stepEveryMs) return
    const attributes = { 'baton.step': step, 'baton.stage': stage, 'baton.loss': loss }
    if (recordedMs === null) record('first step', openedMs, attributes)
    // The longest of the steps since the training last said something.
    else record('step', movedMs - 1000 * stepSeconds, attributes)
    recordedMs = movedMs
  }

  function hearEvaluation({ name, step, value }: { name: string; step: number; value: number }): void {
    record('evaluate', movedMs, { 'baton.step': step, [`baton.${name}`]: value })
    movedMs = now()
  }

  return {
    hear(message) {
      switch (message.kind) {
        case 'progress':
          return hearProgress(message)
        case 'metrics':
          return message.points.filter(({ name }) => isOfEvaluation(name)).forEach(hearEvaluation)
        case 'checkpoint': {
          const { saveSeconds, manifest } = message.checkpoint
          return record('save checkpoint', now() - 1000 * saveSeconds, { 'baton.step': manifest.position.step })
        }
        case 'log':
          return
      }
    },
    predicted: () => record('predict', movedMs, {}),
    async around(name, attributes, work) {
      const startMs = now()
      try {
        const result = await work()
        record(name, startMs, attributes)
        return result
      } catch (error) {
        record(
          name,
          startMs,
          attributes,
          isAppError(error) ? error.code : error instanceof Error ? error.name : 'unknown',
        )
        throw error
      }
    },
  }
}

/** What the trainer calls the figures of an evaluation. */
function isOfEvaluation(name: string): boolean {
  return name.startsWith('validation/')
}
