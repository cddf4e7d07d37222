const dayMs = 86_400_000
const pattern = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:\d\d)?)?$/

/**
 * The span that a moment names, in milliseconds since 1970, its end excluded: `2026-11-27` is that day, anything finer
 * is one millisecond. Without a zone it is UTC. Null for what is no moment.
 */
export function parseMoment(text: string): { start: number; end: number } | null {
  const [, day, time, zone = 'Z'] = pattern.exec(text) ?? []
  if (day === undefined) return null
  const midnight = Date.parse(day)
  // 30 February is read as 2 March.
  if (Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== day) return null
  if (time === undefined) return { start: midnight, end: midnight + dayMs }
  const start = Date.parse(`${day}T${time}${zone}`)
  return Number.isNaN(start) ? null : { start, end: start + 1 }
}
