import { version } from '../version.ts'
import type { Handlers } from '../context.ts'
import { experimentHandlers } from './experiments.ts'
import { foldHandlers } from './folds.ts'
import { projectHandlers } from './projects.ts'
import { sessionHandlers } from './sessions.ts'
import { tokenHandlers } from './tokens.ts'
import { submissionHandlers } from './submissions.ts'

/** One handler a route: the compiler asks for each. */
export const handlers: Handlers = {
  getHealth: async ({ store }) => {
    await store.ping()
    return { status: 'ok', version }
  },
  ...projectHandlers,
  ...experimentHandlers,
  ...foldHandlers,
  ...sessionHandlers,
  ...tokenHandlers,
  ...submissionHandlers,
}
