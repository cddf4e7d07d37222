import { pointerOf } from '@baton/contracts'
import type { Comparison } from '@baton/contracts'

type Difference = Comparison['spec'][number]
type Json = Exclude<Difference['left'], undefined>

/** Where two JSON values differ: the deepest places, by JSON pointer, in the order of the left one. */
export function jsonDiff(left: unknown, right: unknown, path: readonly string[] = []): Difference[] {
  if (left === right) return []
  if (!isHolder(left) || !isHolder(right) || Array.isArray(left) !== Array.isArray(right))
    return [
      {
        pointer: pointerOf(path),
        ...(left === undefined ? {} : { left: left as Json }),
        ...(right === undefined ? {} : { right: right as Json }),
      },
    ]
  const [before, after] = [
    new Map<string, unknown>(Object.entries(left)),
    new Map<string, unknown>(Object.entries(right)),
  ]
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((key) =>
    jsonDiff(before.get(key), after.get(key), [...path, key]),
  )
}

function isHolder(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
