/** C0, DEL, C1, and the marks that turn text around: what can rewrite a terminal or hide words in a line. */
const unprintable = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g

/** Text from elsewhere (logs, names, details) as one line that can do nothing to the terminal. */
export function printable(text: string): string {
  return text.replace(unprintable, '\ufffd')
}

/** Lines of text from elsewhere, each printable. */
export function printableLines(text: string): string[] {
  return text.split(/\r?\n/).map(printable)
}

export function formatScore(score: number | null): string {
  return score === null ? '-' : score.toFixed(4)
}

/** Bytes in the largest decimal unit that leaves a number of 1 or more. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const unit = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3))
  return `${(bytes / 1000 ** unit).toFixed(unit === 0 ? 0 : 1)} ${units[unit]!}`
}

/** Seconds as the two largest units of a duration: `3 h 12 min`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds)
  const parts: [number, string][] = [
    [Math.floor(whole / 3600), 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ]
  const first = parts.findIndex(([count]) => count > 0)
  if (first === -1) return '0 s'
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ')
}

/** A digest as people compare it. */
export function shortDigest(digest: string | null): string {
  return digest === null ? '-' : digest.slice(0, 12)
}

/** `1 fold`, `2 folds`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
