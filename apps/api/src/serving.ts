import type { Log } from '@baton/log'
import type { Deps } from './context.ts'
import type { Doorkeeper } from './plugins/admit.ts'
import type { watchHangUps } from './plugins/hang-ups.ts'
import type { Made } from './plugins/trace-requests.ts'
import type { RequestWatch } from './plugins/watch-requests.ts'

/** What every route is served with. */
export interface Serving {
  readonly deps: Deps
  readonly door: Doorkeeper
  readonly signalOf: ReturnType<typeof watchHangUps>
  readonly requests: RequestWatch
  readonly made: Made
  readonly log: Log
}
