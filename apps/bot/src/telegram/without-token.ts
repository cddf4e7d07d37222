const shown = '[secret]'

/**
 * The error without the bot's token. Every address of the Bot API carries it, so it stands in the message and the
 * stack of errors of the HTTP client, where a job or a log would keep it.
 */
export function withoutToken(error: unknown, token: string): Error {
  const clean = (text: string) => text.replaceAll(token, shown).replaceAll(encodeURIComponent(token), shown)
  if (!(error instanceof Error)) return new Error(clean(String(error)))
  const safe = new Error(clean(error.message))
  safe.name = error.name
  safe.stack = clean(error.stack ?? '')
  return safe
}
