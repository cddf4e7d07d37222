/** A word of a filter, and where it begins (0-based, in UTF-16 units of the text). */
export interface Token {
  readonly kind: 'word' | 'text' | 'number' | 'moment' | 'sign' | 'end'
  /** As it stands there; a text in quotes without them. */
  readonly text: string
  readonly at: number
}

/** What stands at a place, tried in this order: a moment begins like a number, and `..` like one without a whole part. */
const patterns: readonly [Token['kind'], RegExp][] = [
  ['sign', /\.\.|!=|!~|<=|>=|[=<>~(),]/y],
  ['moment', /\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)?)?/y],
  ['number', /[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?/y],
  ['word', /[A-Za-z_][\w@-]*(?:\.[\w@-]+)*/y],
  // A quote within is written twice.
  ['text', /'(?:[^']|'')*'|"(?:[^"]|"")*"/y],
]
const space = /\s*/y

/** The text word by word; the last one is `end`. Null where nothing that is known stands, with its place. */
export function tokensOf(text: string): { tokens: Token[] } | { unknownAt: number } {
  const tokens: Token[] = []
  let at = skipSpace(text, 0)
  while (at < text.length) {
    const token = tokenAt(text, at)
    if (token === null) return { unknownAt: at }
    tokens.push(token)
    at = skipSpace(text, token.end)
  }
  return { tokens: [...tokens, { kind: 'end', text: '', at: text.length }] }
}

function tokenAt(text: string, at: number): (Token & { end: number }) | null {
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    if (found === undefined) continue
    return { kind, text: kind === 'text' ? unquoted(found) : found, at, end: at + found.length }
  }
  return null
}

function unquoted(quoted: string): string {
  const quote = quoted[0]!
  return quoted.slice(1, -1).replaceAll(quote + quote, quote)
}

function skipSpace(text: string, at: number): number {
  space.lastIndex = at
  return at + (space.exec(text)?.[0].length ?? 0)
}
