import { z } from 'zod'
import { Chat } from '../chat.ts'
import { Id } from '../ids.ts'
import { Pairing } from '../resources.ts'
import { list, owners } from './parts.ts'
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
  listChats: {
    method: 'GET',
    path: '/v1/telegram/chats',
    summary: 'List paired chats, first to last',
    roles: owners,
    scope: 'service',
    status: 200,
    response: list(Chat),
    problems: [],
  },
  unlinkChat: {
    method: 'DELETE',
    path: '/v1/telegram/chats/:chat',
    summary: 'Unpair a chat: it is told nothing more',
    roles: owners,
    scope: 'service',
    params: z.object({ chat: Id }),
    status: 204,
    problems: [],
  },
} as const satisfies Record<string, RouteSpec>
