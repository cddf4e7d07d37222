/** Names whose value is a secret, as the end of a JSON key or of a query parameter: `enrolmentToken`, `X-Amz-Signature`. */
const secretName = '(?:token|authorization|password|secret|cookie|credential|signature|sig|api[-_]?key|access[-_]?key)'

const rules: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  // "enrolmentToken":"…", at any depth of a JSON line.
  [new RegExp(`("[\\w.-]*${secretName}":)"(?:[^"\\\\]|\\\\.)*"`, 'gi'), '$1"[secret]"'],
  // ?X-Amz-Signature=…&X-Amz-Credential=…: what makes a presigned address work.
  [new RegExp(`([?&][\\w.-]*${secretName}=)[^&\\s"'\\\\<>]+`, 'gi'), '$1[secret]'],
  // postgresql://user:password@host
  [/(:\/\/[^\s:@/"']*:)[^\s@/"']+@/g, '$1[secret]@'],
  [/\b((?:Bearer|Basic)\s+)[\w.~+/=-]{8,}/gi, '$1[secret]'],
  // Baton's own tokens, wherever they stand.
  [/\bbaton_(owner|submitter|viewer|enrolment|session)_[\w-]{20,}/g, 'baton_$1_[secret]'],
  // https://api.telegram.org/bot123456:AAH…/getUpdates carries its token in the path.
  [/\bbot\d{5,}:[\w-]{20,}/g, 'bot[secret]'],
]

/**
 * The text without the secrets it holds: bearer tokens, passwords in addresses, signatures of presigned
 * addresses, and values of JSON keys and query parameters whose name says that they are secret. Works on plain
 * text and on JSON, which stays valid. It is the last net, not a licence to log a secret.
 */
export function redact(text: string): string {
  return rules.reduce((clean, [pattern, replacement]) => clean.replace(pattern, replacement), text)
}
