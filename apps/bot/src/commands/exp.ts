import { keyboardOfExperiment } from '../buttons/keyboard.ts'
import { renderCard } from '../cards/render-card.ts'
import { remedyAndLog } from '../messages/render-event.ts'
import { plain } from '../messages/message.ts'
import type { Command } from './command.ts'
import { findExperiment } from './find-experiment.ts'

/** `/exp 41`, `/exp imet#41`: what a card shows, as it stands now, and why it failed where it did. */
export const exp: Command = {
  name: 'exp',
  description: 'One experiment: /exp 41, /exp imet#41',
  answer: async ({ client, store }, { chat, words }) => {
    const found = await findExperiment(client, chat, '/exp', words)
    if ('instead' in found) return found.instead
    const { experiment } = found
    const { failure } = experiment
    const facts = await store.cards.facts(experiment.id)
    const why = failure === null ? [] : [plain(failure.detail), ...remedyAndLog(failure)]
    return {
      message: [...renderCard(experiment, facts), ...why],
      keyboard: await keyboardOfExperiment(store, chat.id, experiment),
    }
  },
}
