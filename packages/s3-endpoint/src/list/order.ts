/** Names compare as their UTF-8 bytes: the order of S3's listings, and of COLLATE "C". */
export function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** The smallest text above `name` itself. Text in PostgreSQL holds no NUL, so U+0001 is the lowest character. */
export function justAfter(name: string): string {
  return `${name}\u0001`
}

/** The smallest text above all that begin with `prefix`, or null where there is none. */
export function afterPrefix(prefix: string): string | null {
  const points = Array.from(prefix, (char) => char.codePointAt(0)!)
  while (points.at(-1) === 0x10ffff) points.pop()
  const last = points.pop()
  if (last === undefined) return null
  // Surrogates are no characters: after U+D7FF comes U+E000.
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1)
}

/** The part of a name up to its first delimiter after the prefix, or null where it has none there. */
export function commonPrefixOf(name: string, prefix: string, delimiter: string): string | null {
  if (delimiter === '' || !name.startsWith(prefix)) return null
  const at = name.indexOf(delimiter, prefix.length)
  return at < 0 ? null : name.slice(0, at + delimiter.length)
}

/**
 * Where a listing goes on after a name that an earlier page ended with, or that the client chose.
 * A common prefix stands for all that it groups, so what comes next lies behind all of them.
 */
export function resumeAfter(name: string, prefix: string, delimiter: string): string | null {
  return commonPrefixOf(name, prefix, delimiter) === name ? afterPrefix(name) : justAfter(name)
}
