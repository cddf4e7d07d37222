import { badRequest } from './telegram-error.ts'

/** Tags of `parse_mode: HTML` (https://core.telegram.org/bots/api#html-style). */
const known = new Set('b strong i em u ins s strike del tg-spoiler span a code pre blockquote'.split(' '))
const named: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"' }
const tag = /^<(\/?)([a-zA-Z][a-zA-Z-]*)((?:\s+[a-zA-Z-]+(?:\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>]+))?)*)\s*>/
const entity = /^&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|(lt|gt|amp|quot));/

/**
 * The text that a message in HTML shows, the way the Bot API reads it: a `<` starts a known tag, tags nest and are
 * closed; an `&` that is no known entity stays as it is.
 *
 * @throws {BotApiError} 400 `can't parse entities`, with the byte offset
 */
export function textOfHtml(html: string): string {
  const open: string[] = []
  let text = ''
  for (let at = 0; at < html.length;) {
    const rest = html.slice(at)
    if (html[at] === '<') {
      const match = tag.exec(rest)
      const offset = Buffer.byteLength(html.slice(0, at))
      if (match === null) throw badRequest(`can't parse entities: Unsupported start tag "" at byte offset ${offset}`)
      toggle(open, match[2]!.toLowerCase(), match[1] === '/', offset)
      at += match[0].length
    } else {
      const match = html[at] === '&' ? entity.exec(rest) : null
      text += match ? characterOf(match) : html[at]!
      at += match ? match[0].length : 1
    }
  }
  const last = open.pop()
  if (last === undefined) return text
  const end = Buffer.byteLength(html)
  throw badRequest(
    `can't parse entities: Can't find end tag corresponding to start tag "${last}" at byte offset ${end}`,
  )
}

function toggle(open: string[], name: string, closes: boolean, offset: number): void {
  if (!known.has(name))
    throw badRequest(`can't parse entities: Unsupported start tag "${name}" at byte offset ${offset}`)
  if (!closes) return void open.push(name)
  const last = open.pop()
  if (last === undefined) throw badRequest(`can't parse entities: Unexpected end tag at byte offset ${offset}`)
  if (last !== name)
    throw badRequest(
      `can't parse entities: Unmatched end tag at byte offset ${offset}, expected "</${last}>", found "</${name}>"`,
    )
}

function characterOf([, decimal, hex, name]: RegExpExecArray): string {
  if (name !== undefined) return named[name]!
  return String.fromCodePoint(decimal === undefined ? parseInt(hex!, 16) : Number(decimal))
}
