import { Pairing } from '../resources.ts'
import { owners } from './parts.ts'
import type { RouteSpec } from './route.ts'

/** Chats that are told of events. */
export const telegramRoutes = {
  createPairing: {
    method: 'POST',
    path: '/v1/telegram/pairings',
    summary: 'Issue a one-use code that pairs a Telegram chat',
    roles: owners,
    scope: 'service',
    status: 201,
    response: Pairing,
    isSecret: true,
    problems: [],
  },
} as const satisfies Record<string, RouteSpec>
