import type { Handlers } from '../context.ts'
import { artifactHandlers } from './artifacts.ts'
import { chatHandlers } from './chats.ts'
import { checkpointHandlers } from './checkpoints.ts'
import { eventHandlers } from './events.ts'
import { experimentHandlers } from './experiments.ts'
import { foldHandlers } from './folds.ts'
import { poolHandlers } from './pools.ts'
import { logHandlers } from './logs.ts'
import { metricHandlers } from './metrics.ts'
import { projectHandlers } from './projects.ts'
import { serviceHandlers } from './service.ts'
import { providerHandlers } from './providers.ts'
import { sessionHandlers } from './sessions.ts'
import { tokenHandlers } from './tokens.ts'
import { submissionHandlers } from './submissions.ts'

/** One handler a route: the compiler asks for each. */
export const handlers: Handlers = {
  ...serviceHandlers,
  ...projectHandlers,
  ...experimentHandlers,
  ...foldHandlers,
  ...logHandlers,
  ...metricHandlers,
  ...eventHandlers,
  ...sessionHandlers,
  ...poolHandlers,
  ...tokenHandlers,
  ...submissionHandlers,
  ...artifactHandlers,
  ...checkpointHandlers,
  ...chatHandlers,
  ...providerHandlers,
}
