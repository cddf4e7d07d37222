import { isDeepStrictEqual } from 'node:util'
import { isObject } from '@baton/contracts'
import type { RouteInput } from '@baton/contracts'

type Overrides = NonNullable<RouteInput<'cloneExperiment'>['body']['overrides']>

/** The JSON merge patch (RFC 7396) that makes one object of another: what is equal in both is not in it. */
export function mergePatchOf(before: object, after: object): Overrides {
  const [from, to] = [before, after] as [Record<string, unknown>, Record<string, unknown>]
  const removed = Object.keys(from).filter((key) => !(key in to))
  const changed = Object.keys(to).filter((key) => !isDeepStrictEqual(from[key], to[key]))
  return Object.fromEntries([
    ...removed.map((key) => [key, null]),
    ...changed.map((key) => {
      const [old, now] = [from[key], to[key]]
      return [key, isObject(old) && isObject(now) ? mergePatchOf(old, now) : now]
    }),
  ]) as Overrides
}
