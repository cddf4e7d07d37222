/** Request headers by lower-case name. Values are the bytes as they came, one character each (latin1). */
export type Headers = ReadonlyMap<string, string>

/** Joins what came more than once with a comma and no space, as Signature Version 4 signs it. */
export function readHeaders(raw: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>()
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase()
    const before = headers.get(name)
    headers.set(name, before === undefined ? raw[i + 1]! : `${before},${raw[i + 1]!}`)
  }
  return headers
}

/** Whether HTTP takes the lower-case name. */
export function isHeaderName(name: string): boolean {
  return /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name)
}

/** Whether a text may stand in a header: one with a line break in it would forge another. */
export function isHeaderValue(text: string): boolean {
  return !/[\u0000-\u0008\u000a-\u001f\u007f]/.test(text)
}

/** A text as the UTF-8 bytes that HTTP sends, one character each. */
export function toHeaderValue(text: string): string {
  return Buffer.from(text).toString('latin1')
}
