import { isFinal } from '@baton/contracts'
import type { Event, Experiment, ExperimentStatus } from '@baton/contracts'
import type { ButtonAction, RetryAction, Store } from '@baton/core'
import type { Keyboard } from '../telegram/bot-api.ts'

const labels: Readonly<Record<Exclude<ButtonAction, RetryAction>, string>> = {
  pause: '⏸ Pause',
  resume: '▶️ Resume',
  stop: '⏹ Stop',
  'confirm-stop': '⏹ Yes, stop it',
  mute: '🔕 Mute 1 h',
}

/** A card lives as long as its experiment, and renews its buttons; those of a message wait for a person a while. */
const validSeconds = 2 * 86_400
/** A question is answered now or not at all. */
const confirmSeconds = 300

/** What people can do about an experiment that is not final. */
export async function keyboardOfExperiment(store: Store, chat: string, experiment: Experiment): Promise<Keyboard> {
  const actions = actionsOn(experiment.status)
  return actions.length === 0 ? [] : keyboard(store, chat, experiment.id, actions)
}

function actionsOn(status: ExperimentStatus): ButtonAction[] {
  if (isFinal(status)) return []
  if (status === 'assembling') return ['mute']
  return [status === 'paused' ? 'resume' : 'pause', 'stop', 'mute']
}

export function isRetry(action: ButtonAction): action is RetryAction {
  return action.startsWith('retry-')
}

/** The buttons of a message about an event, where there is something to do. */
export async function keyboardOfEvent(store: Store, chatId: number, event: Event): Promise<Keyboard> {
  const actions = actionsAfter(event.payload)
  const chat = actions.length === 0 ? null : await store.chats.find(chatId)
  return chat ? keyboard(store, chat.id, event.experimentId, actions) : []
}

/** The button that does what was asked about. */
export function confirmKeyboard(store: Store, chat: string, experimentId: string): Promise<Keyboard> {
  return keyboard(store, chat, experimentId, ['confirm-stop'])
}

/**
 * A fold was given up: it may do better now, or the others are not worth their hours. What is tried again needs nobody,
 * but may disturb.
 */
function actionsAfter(payload: Event['payload']): ButtonAction[] {
  if (payload.kind !== 'fold-failed') return []
  return payload.outcome === 'given-up' ? [`retry-${payload.fold}`, 'stop'] : ['mute']
}

async function keyboard(
  store: Store,
  chat: string,
  experimentId: string,
  actions: readonly ButtonAction[],
): Promise<Keyboard> {
  const row: { text: string; data: string }[] = []
  for (const action of actions) {
    const seconds = action === 'confirm-stop' ? confirmSeconds : validSeconds
    const data = await store.buttons.offer({ chat, experimentId, action, validSeconds: seconds })
    row.push({ text: isRetry(action) ? '🔁 Retry' : labels[action], data })
  }
  return [row]
}
