import type { z } from 'zod'
import type { StreamItem } from '../event-stream.ts'
import { auditRoutes } from './audit.ts'
import { artifactsRoutes } from './artifacts.ts'
import { checkpointsRoutes } from './checkpoints.ts'
import { datasetsRoutes } from './datasets.ts'
import { eventsRoutes } from './events.ts'
import { experimentsRoutes } from './experiments.ts'
import { foldsRoutes } from './folds.ts'
import { leaderboardRoutes } from './leaderboard.ts'
import { leasesRoutes } from './leases.ts'
import { poolsRoutes } from './pools.ts'
import { logsRoutes } from './logs.ts'
import { metricsRoutes } from './metrics.ts'
import { projectsRoutes } from './projects.ts'
import { providersRoutes } from './providers.ts'
import { serviceRoutes } from './service.ts'
import { sessionsRoutes } from './sessions.ts'
import { submissionsRoutes } from './submissions.ts'
import { telegramRoutes } from './telegram.ts'
import { tokensRoutes } from './tokens.ts'

/** Every route of REST /v1. */
export const routes = {
  ...serviceRoutes,
  ...projectsRoutes,
  ...datasetsRoutes,
  ...experimentsRoutes,
  ...leaderboardRoutes,
  ...submissionsRoutes,
  ...artifactsRoutes,
  ...foldsRoutes,
  ...checkpointsRoutes,
  ...logsRoutes,
  ...metricsRoutes,
  ...eventsRoutes,
  ...sessionsRoutes,
  ...providersRoutes,
  ...leasesRoutes,
  ...poolsRoutes,
  ...telegramRoutes,
  ...tokensRoutes,
  ...auditRoutes,
} as const

export type Routes = typeof routes
export type RouteName = keyof Routes

type Part<R, K extends string, Out extends 'in' | 'out'> =
  R extends Readonly<Record<K, infer S extends z.ZodType>>
    ? Record<K, Out extends 'in' ? z.input<S> : z.output<S>>
    : unknown

/** What the client passes: params, query and body as written, before defaults. */
export type RouteInput<N extends RouteName> = Part<Routes[N], 'params', 'in'> &
  Part<Routes[N], 'query', 'in'> &
  Part<Routes[N], 'body', 'in'>
/** What the server's handler receives: validated, defaults filled in. */
export type RouteRequest<N extends RouteName> = Part<Routes[N], 'params', 'out'> &
  Part<Routes[N], 'query', 'out'> &
  Part<Routes[N], 'body', 'out'>
/** Of a route that streams: what it tells, item by item. */
export type RouteResponse<N extends RouteName> = Routes[N] extends { readonly response: infer S extends z.ZodType }
  ? z.output<S>
  : Routes[N] extends { readonly stream: infer S extends z.ZodType }
    ? AsyncIterable<StreamItem<z.output<S>>>
    : void
/** Routes whose answer goes on. */
export type StreamName = { [N in RouteName]: Routes[N] extends { readonly stream: z.ZodType } ? N : never }[RouteName]
