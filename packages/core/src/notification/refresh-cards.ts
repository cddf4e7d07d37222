import { isFinal } from '@baton/contracts'
import type { Experiment } from '@baton/contracts'
import { sha256 } from '../digest.ts'
import type { Card, CardFacts, Store } from '../store.ts'
import { ChatGone, forgetChat, RetryAfter } from './deliver-notifications.ts'

/** What a card shows, in the form that its painter sends. */
export interface CardView {
  readonly chat: string
  readonly experiment: Experiment
  readonly facts: CardFacts
}

/** Shows cards in chats. Pauses and chats that are gone are thrown as for a messenger. */
export interface CardPainter {
  /** The card's text: what decides whether it must be shown again. */
  textOf(view: CardView): string
  /** Sends a message without a sound, and returns its id. */
  send(chatId: number, view: CardView): Promise<number>
  /** Edits the message; false: it is not there any more. */
  edit(chatId: number, messageId: number, view: CardView): Promise<boolean>
}

/** A card is edited at most this often. */
const everySeconds = 15
const batch = 50

/**
 * Brings the cards of experiments up to date that are due: one message a chat and experiment, sent when the experiment
 * starts and edited as it goes on. Whatever happened between two edits, the next one shows the newest state; the last
 * one shows how the experiment ended. A card that was deleted is sent anew.
 *
 * Run it again and again, in as many processes as there are: a card is taken by one of them, and one that cannot be
 * shown holds up no other.
 *
 * @throws what the first of those that could not be shown failed with
 */
export async function refreshCards({ store, painter }: { store: Store; painter: CardPainter }): Promise<void> {
  await store.cards.open()
  const views = new Map<string, Promise<Omit<CardView, 'chat'> | null>>()
  const viewOf = async ({ experimentId, project, version }: Card) => {
    const [experiment, facts] = await Promise.all([
      store.experiments.get(project, version),
      store.cards.facts(experimentId),
    ])
    return experiment && { experiment, facts }
  }
  const cards = await store.cards.take({ limit: batch, againSeconds: everySeconds })
  const outcomes = await Promise.allSettled(
    cards.map(async (card) => {
      const view = views.get(card.experimentId) ?? viewOf(card)
      views.set(card.experimentId, view)
      await refresh({ store, painter }, card, await view)
    }),
  )
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed) throw failed.reason
}

async function refresh(
  { store, painter }: { store: Store; painter: CardPainter },
  card: Card,
  shared: Omit<CardView, 'chat'> | null,
): Promise<void> {
  if (shared === null) return
  const view: CardView = { chat: card.chat, ...shared }
  const shown = sha256(painter.textOf(view))
  const isClosed = isFinal(view.experiment.status)
  try {
    const messageId = await show({ store, painter }, card, view, shown)
    if (messageId !== card.messageId || shown !== card.shown || isClosed)
      await store.cards.save(card, { messageId, shown, isClosed })
  } catch (error) {
    if (error instanceof RetryAfter) await store.cards.postpone(card, error.seconds)
    else if (error instanceof ChatGone) await forgetChat(store, card.chatId)
    else throw error
  }
}

async function show(
  { store, painter }: { store: Store; painter: CardPainter },
  card: Card,
  view: CardView,
  shown: string,
): Promise<number | null> {
  const { chatId, messageId } = card
  if (messageId !== null) {
    if (shown === card.shown || (await painter.edit(chatId, messageId, view))) return messageId
    // Noted at once: sending may have to wait, and then it is not edited first again.
    await store.cards.save(card, { messageId: null, shown: '', isClosed: false })
  }
  // What ended before its card was sent is told by a message.
  return isFinal(view.experiment.status) ? null : painter.send(chatId, view)
}
