import { decideHalving } from '../matrix/halving.ts'
import type { FoldOffer, OfferQueue } from '../ports.ts'
import type { OutboxJob, Store } from '../store.ts'

/** Takes jobs other than offers; adding the same job again while it waits changes nothing. */
export interface JobQueue {
  readonly offers: OfferQueue
  assemble(experimentId: string): Promise<void>
  makeSubmission(submissionId: string): Promise<void>
  fanOut(eventId: number): Promise<void>
  deliver(chat: string): Promise<void>
}

const batch = 200

/**
 * Moves what transactions asked for from the outbox into the queue. A row leaves only once the queue has taken it:
 * a crash in between repeats it, which the queue and every handler bear. One that the queue refuses stays, and holds
 * up no other.
 *
 * @returns How many rows were moved.
 * @throws what the queue refused the first of those with that stay
 */
export async function dispatchOutbox({ store, queue }: { store: Store; queue: JobQueue }): Promise<number> {
  let moved = 0
  for (;;) {
    const jobs = await store.outbox.peek(batch)
    if (jobs.length === 0) return moved
    const outcomes = await Promise.allSettled(jobs.map((job) => hand(queue, job)))
    const taken = jobs.filter((_, i) => outcomes[i]!.status === 'fulfilled')
    await store.outbox.remove(taken)
    moved += taken.length
    const refused = outcomes.find((outcome) => outcome.status === 'rejected')
    if (refused) throw refused.reason
    if (jobs.length < batch) return moved
  }
}

function hand(queue: JobQueue, job: OutboxJob): Promise<void> {
  switch (job.kind) {
    case 'offer-fold':
      return queue.offers.offer(job.payload)
    case 'assemble-experiment':
      return queue.assemble(job.payload.experimentId)
    case 'make-submission':
      return queue.makeSubmission(job.payload.submissionId)
    case 'fan-out-event':
      return queue.fanOut(job.payload.eventId)
  }
}

/** A job that waits this long may have been lost with its queue, so it is looked for. */
const lostAgeSeconds = 15

/**
 * Makes again what a queue lost: offers of ready folds that no longer wait in it, assembling of experiments whose
 * folds are all final, decisions of halving, files of submissions, notifications not delivered. Losing Redis with all its data costs one pass of this.
 *
 * @returns How many offers were made again.
 */
export async function reconcile({ store, queue }: { store: Store; queue: JobQueue }): Promise<number> {
  const folds = await store.folds.unoffered(lostAgeSeconds, batch)
  let again = 0
  for (const { id: foldId, ...rest } of folds) {
    const offer: FoldOffer = { foldId, ...rest }
    if (await queue.offers.isWaiting(offer)) continue
    await queue.offers.offer(offer)
    again++
  }
  await store.folds.markOffered(folds.map((fold) => fold.id))
  await assembleAgain({ store, queue })
  for (const submissionId of await store.submissions.unmade(lostAgeSeconds, batch))
    await queue.makeSubmission(submissionId)
  for (const matrixId of await store.matrices.halving(batch)) await decideHalving({ store }, matrixId)
  for (const chat of await store.notifications.chatsWaiting()) await queue.deliver(chat)
  return again
}

/** All of them, however many: what cannot be assembled now is not in the way of what can. */
async function assembleAgain({ store, queue }: { store: Store; queue: JobQueue }): Promise<void> {
  for (let last: string | null = null, isMore = true; isMore;) {
    const ids: string[] = await store.experiments.unassembled(last, batch)
    for (const id of ids) await queue.assemble(id)
    last = ids.at(-1) ?? null
    isMore = ids.length === batch
  }
}
