import { timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Update } from 'telegraf/types'
import { sha256 } from '@baton/core'

/** Takes requests as Node's HTTP server hands them over. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void

/**
 * Takes updates that Telegram sends to `path`. A request without the secret gets 403 and is not read. An update is
 * answered once it was handled: Telegram sends it again if not.
 *
 * @param handle Answers false while the bot cannot take updates yet.
 */
export function receiveWebhook(
  { path, secretToken }: { path: string; secretToken: string },
  handle: (update: Update) => Promise<boolean>,
): RequestHandler {
  const answer = async (request: IncomingMessage): Promise<number> => {
    if (request.method !== 'POST' || request.url !== path) return 404
    if (!isSecret(request.headers['x-telegram-bot-api-secret-token'], secretToken)) return 403
    const update = parse(await text(request))
    if (update === null) return 400
    return (await handle(update)) ? 200 : 503
  }
  return (request, response) => {
    answer(request).then(
      (status) => response.writeHead(status).end(),
      // Whoever sent it hung up.
      () => response.destroy(),
    )
  }
}

/** Compares digests: equal in length, so the time says nothing about either. */
function isSecret(given: string | string[] | undefined, secret: string): boolean {
  return typeof given === 'string' && timingSafeEqual(Buffer.from(sha256(given)), Buffer.from(sha256(secret)))
}

function parse(body: string): Update | null {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null && 'update_id' in value ? (value as Update) : null
  } catch {
    return null
  }
}
