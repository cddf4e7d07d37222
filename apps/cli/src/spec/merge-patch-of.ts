import { isDeepStrictEqual } from 'node:util'
import { isAnother, isObject } from '@baton/contracts'
import type { RouteInput } from '@baton/contracts'

type Overrides = NonNullable<RouteInput<'cloneExperiment'>['body']['overrides']>

/** The patch that makes one object of another as `applyMergePatch` does: what is equal in both is not in it. */
export function mergePatchOf(before: object, after: object): Overrides {
  const [from, to] = [before, after] as [Record<string, unknown>, Record<string, unknown>]
  const removed = Object.keys(from).filter((key) => !(key in to))
  const changed = Object.keys(to).filter((key) => !isDeepStrictEqual(from[key], to[key]))
  return Object.fromEntries([
    ...removed.map((key) => [key, null]),
    ...changed.map((key) => {
      const [old, now] = [from[key], to[key]]
      return [key, isObject(old) && isObject(now) && !isAnother(old, now) ? mergePatchOf(old, now) : now]
    }),
  ]) as Overrides
}
