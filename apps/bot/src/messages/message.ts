import { stripVTControlCharacters } from 'node:util'

/** One line of a message. `fixed` lines that follow each other stand in one block of fixed width. */
export interface Line {
  readonly style: 'title' | 'plain' | 'fixed'
  readonly text: string
}

/** What is said, before it is known where: Telegram and the terminal mark it up each in their way. */
export type Message = readonly Line[]

/** Characters that Telegram takes in one message. It counts without markup; we count with it, to be sure. */
const messageMax = 4096
/** One line's share: enough for a sentence, little enough that a failure's title, cause, remedy and log all fit. */
const lineMax = 500

export function title(text: string): Line {
  return { style: 'title', text: clip(printable(text), lineMax) }
}

export function plain(text: string): Line {
  return { style: 'plain', text: clip(printable(text), lineMax) }
}

/** @param max Characters (without markup) after which the line is cut. */
export function fixed(text: string, max = lineMax): Line {
  return { style: 'fixed', text: clip(printable(text), max) }
}

/** A message in Telegram's HTML: user text escaped, at most 4096 characters, cut after a whole line. */
export function toHtml(message: Message): string {
  return whole(message, (lines) => markUp(lines))
}

/** Whether Telegram takes the message whole. */
export function fits(message: Message): boolean {
  return markUp(message).length <= messageMax
}

/** A message as plain text, as the terminal prints it: no markup, no control character but line ends. */
export function toText(message: Message): string {
  return whole(message, (lines) =>
    lines.map((line) => (line.style === 'fixed' ? `  ${line.text}` : line.text)).join('\n'),
  )
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function whole(message: Message, render: (lines: Message) => string): string {
  const all = render(message)
  if (all.length <= messageMax) return all
  for (let kept = message.length - 1; kept > 0; kept--) {
    const cut = render([...message.slice(0, kept), plain('…')])
    if (cut.length <= messageMax) return cut
  }
  return '…'
}

function markUp(lines: Message): string {
  const parts: string[] = []
  for (let at = 0; at < lines.length; at++) {
    const { style, text } = lines[at]!
    if (style === 'title') parts.push(`<b>${escapeHtml(text)}</b>`)
    if (style === 'plain') parts.push(escapeHtml(text))
    if (style === 'fixed') {
      const block = [escapeHtml(text)]
      while (lines[at + 1]?.style === 'fixed') block.push(escapeHtml(lines[++at]!.text))
      parts.push(`<pre>${block.join('\n')}</pre>`)
    }
  }
  return parts.join('\n')
}

/**
 * Text of others made harmless to a terminal and to a line: no escape sequences, no control characters, nothing that
 * turns the reading direction.
 */
function printable(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]+/g, ' ')
}

/** The text, cut so that it is at most `max` characters even once it is escaped; never in the middle of one. */
function clip(text: string, max: number): string {
  if (escapeHtml(text).length <= max) return text
  let kept = ''
  let used = 1
  for (const character of text) {
    used += escapeHtml(character).length
    if (used > max) break
    kept += character
  }
  return `${kept}…`
}
