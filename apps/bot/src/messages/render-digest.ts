import { problems } from '@baton/contracts'
import type { Event } from '@baton/contracts'
import { countText, scoreText } from './format.ts'
import { fits, plain, title } from './message.ts'
import type { Line, Message } from './message.ts'
import { renderEvent } from './render-event.ts'

type Payload<K extends Event['payload']['kind']> = Extract<Event['payload'], { kind: K }>

/** Folds that are named one by one; of more it is said how many. */
const namedFolds = 20
/** Kinds that come often, and are counted. */
const counted: ReadonlySet<Event['payload']['kind']> = new Set(['fold-completed', 'fold-failed', 'session-lost'])

/** The message that tells of as many of the events as fit, the first ones, and how many that are. */
export function fittingDigest(events: readonly Event[]): { message: Message; count: number } {
  for (let count = events.length; ; count = Math.ceil(count / 2)) {
    const message = renderDigest(events.slice(0, count))
    if (count === 1 || fits(message)) return { message, count }
  }
}

/** What happened, experiment by experiment, in the order in which they come first. */
function renderDigest(events: readonly Event[]): Message {
  const experiments = new Map<string, Event[]>()
  for (const event of events)
    experiments.set(event.experimentId, [...(experiments.get(event.experimentId) ?? []), event])
  return [title(`🗒 Digest of ${countText(events.length, 'message')}`), ...[...experiments.values()].flatMap(linesOf)]
}

function linesOf(events: readonly Event[]): Line[] {
  const { project, version, experiment } = events[0]!
  const of = <K extends Event['payload']['kind']>(kind: K) =>
    events.flatMap(({ payload }) => (payload.kind === kind ? [payload as Payload<K>] : []))
  return [
    title(`${project} #${version} ${experiment}`),
    ...completed(of('fold-completed')),
    ...retried(of('fold-failed')),
    ...lost(of('session-lost')),
    ...events.filter(({ payload }) => !counted.has(payload.kind)).map(otherLine),
  ]
}

/** The first line of its own message, without the experiment that stands above. */
function otherLine(event: Event): Line {
  const { project, version, experiment } = event
  return plain(renderEvent(event)[0]!.text.replace(`${project} #${version} ${experiment}: `, ''))
}

function completed(payloads: readonly Payload<'fold-completed'>[]): Line[] {
  const last = payloads.at(-1)
  if (last === undefined) return []
  const folds = payloads.length <= namedFolds ? `: ${payloads.map(({ fold }) => fold).join(', ')}` : ''
  const cv = `CV so far ${scoreText(last.cvSoFar)} (${last.foldsCompleted} of ${countText(last.foldsTotal, 'fold')})`
  return [plain(`✅ ${countText(payloads.length, 'fold')} done${folds}. ${cv}`)]
}

function retried(payloads: readonly Payload<'fold-failed'>[]): Line[] {
  if (payloads.length === 0) return []
  const titles = [...new Set(payloads.map(({ failure }) => problems[failure.code].title))]
  return [plain(`⚠️ ${countText(payloads.length, 'failure')}, tried again: ${titles.join('; ')}`)]
}

function lost(payloads: readonly Payload<'session-lost'>[]): Line[] {
  if (payloads.length === 0) return []
  const folds = [...new Set(payloads.map(({ fold }) => fold))].sort((a, b) => a - b)
  const which = folds.length <= namedFolds ? `fold${folds.length === 1 ? '' : 's'} ${folds.join(', ')}` : 'the folds'
  return [plain(`🔌 ${countText(payloads.length, 'session')} lost; ${which} went on from the last checkpoint`)]
}
