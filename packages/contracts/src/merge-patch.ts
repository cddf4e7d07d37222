/**
 * A JSON value with a merge patch applied to it (RFC 7396): objects are merged key by key, null removes a key, and
 * everything else, lists too, replaces what was there. Neither value is changed.
 *
 * Two things are said of specs where RFC 7396 would only make invalid ones:
 * - A list of objects with names, as stages are, is changed by an object of patches by name (or index): null takes an
 *   entry out, an unknown name adds one at the end. Another list replaces it as ever.
 * - An option of another `name` has other fields: it replaces the one that was there, and is not merged with it.
 */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  if (isNamedList(target) && isPatchByName(patch)) return patchByName(target, patch)
  const merged = new Map(Object.entries(isObject(target) ? target : {}))
  for (const [key, value] of Object.entries(patch))
    if (value === null) merged.delete(key)
    else merged.set(key, applyMergePatch(isAnother(merged.get(key), value) ? undefined : merged.get(key), value))
  return Object.fromEntries(merged)
}

type Named = Readonly<Record<string, unknown>> & { readonly name: string }

/** Whether a JSON value is an object: neither a list nor null. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whether both are options with names, of different ones: what one has as fields the other may not. */
export function isAnother(before: unknown, after: unknown): boolean {
  return isNamed(before) && isNamed(after) && before.name !== after.name
}

function isNamed(value: unknown): value is Named {
  return isObject(value) && typeof value.name === 'string'
}

function isNamedList(value: unknown): value is readonly Named[] {
  return Array.isArray(value) && value.length > 0 && value.every(isNamed)
}

function isPatchByName(patch: Readonly<Record<string, unknown>>): boolean {
  return Object.values(patch).every((value) => value === null || isObject(value))
}

function patchByName(entries: readonly Named[], patch: Readonly<Record<string, unknown>>): unknown[] {
  const keyOf = ({ name }: Named, i: number) => (Object.hasOwn(patch, name) ? name : String(i))
  const known = new Set(entries.flatMap(({ name }, i) => [name, String(i)]))
  const kept = entries.flatMap((entry, i) => {
    const key = keyOf(entry, i)
    if (!Object.hasOwn(patch, key)) return [entry]
    return patch[key] === null ? [] : [applyMergePatch(entry, patch[key])]
  })
  const added = Object.entries(patch).filter(([key, value]) => !known.has(key) && value !== null)
  return [...kept, ...added.map(([name, value]) => applyMergePatch({ name }, value))]
}
