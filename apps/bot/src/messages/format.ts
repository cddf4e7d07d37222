/** A score as leaderboards show it. */
export function scoreText(score: number | null): string {
  return score === null ? '–' : score.toFixed(4)
}

/** A duration in its two largest units: `45s`, `12m`, `3h05m`, `2d04h`. */
export function durationText(seconds: number): string {
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole}s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) return `${minutes}m`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `${hours}h${two(minutes % 60)}m`
  return `${Math.floor(hours / 24)}d${two(hours % 24)}h`
}

/** `until 2026-03-01 14:05 UTC`. */
export function untilText(moment: string): string {
  return `until ${moment.slice(0, 16).replace('T', ' ')} UTC`
}

/** `1 attempt`, `3 attempts`. */
export function countText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}
