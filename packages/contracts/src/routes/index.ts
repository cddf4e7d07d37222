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

/** The routes by what they are about, as OpenAPI groups them. */
export const routeGroups = {
  service: { about: 'The service itself, and what can go wrong.', routes: serviceRoutes },
  projects: { about: 'What experiments are compared within.', routes: projectsRoutes },
  datasets: { about: 'Dataset versions, code bundles, and the objects they are made of.', routes: datasetsRoutes },
  experiments: { about: 'One immutable spec each, numbered within a project.', routes: experimentsRoutes },
  leaderboard: { about: 'Completed experiments as people compare them.', routes: leaderboardRoutes },
  submissions: { about: 'Files for a competition, and the scores they got there.', routes: submissionsRoutes },
  artifacts: { about: 'What experiments leave behind, by name.', routes: artifactsRoutes },
  folds: { about: 'The units of queueing, and what their sessions said of them.', routes: foldsRoutes },
  checkpoints: { about: 'What folds resume from.', routes: checkpointsRoutes },
  logs: { about: 'What trainings said, line by line.', routes: logsRoutes },
  metrics: { about: 'Curves, stitched over attempts.', routes: metricsRoutes },
  events: { about: 'What happened, as a list and as it happens.', routes: eventsRoutes },
  sessions: { about: 'Live notebooks and containers, from enrolment to the end.', routes: sessionsRoutes },
  providers: { about: 'Where sessions live, and the limits there.', routes: providersRoutes },
  leases: { about: 'What a worker says of the fold it holds.', routes: leasesRoutes },
  pools: { about: 'Queues of folds that sessions serve.', routes: poolsRoutes },
  telegram: { about: 'Chats that are told of events.', routes: telegramRoutes },
  tokens: { about: 'Who may do what.', routes: tokensRoutes },
  audit: { about: 'Who changed what, and when.', routes: auditRoutes },
} as const

type Together<U> = (U extends unknown ? (one: U) => void : never) extends (all: infer All) => void ? All : never
type Groups = typeof routeGroups
export type Routes = {
  readonly [N in keyof Together<Groups[keyof Groups]['routes']>]: Together<Groups[keyof Groups]['routes']>[N]
}

/** Every route of REST /v1. */
export const routes = Object.assign({}, ...Object.values(routeGroups).map((group) => group.routes)) as Routes

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
