import type { Took } from './peer.ts'

/** What each of some peers took in each round, by their names. */
export type Rounds<Name extends string> = ReadonlyMap<Name, readonly Took[]>

/**
 * Lets every one have its turn in a round, one after the other, so that all of a round runs in the same seconds. Who begins
 * goes round: a machine that slows down within each round treats all alike.
 */
export async function inTurn<Name extends string>(
  names: readonly Name[],
  round: number,
  turn: (name: Name) => Promise<Took>,
): Promise<ReadonlyMap<Name, Took>> {
  const took = new Map<Name, Took>()
  for (const name of rotated(names, round)) took.set(name, await turn(name))
  return took
}

/** What each took, from what a round's took. */
export function byName<Name extends string>(
  names: Iterable<Name>,
  rounds: readonly ReadonlyMap<Name, Took>[],
): Rounds<Name> {
  return new Map(Array.from(names, (name) => [name, rounds.map((took) => took.get(name)!)]))
}

/** The list begun at another place. */
function rotated<T>(list: readonly T[], by: number): T[] {
  return list.map((_, i) => list[(i + by) % list.length]!)
}

export function speedsOf(took: readonly Took[]): number[] {
  return took.map(({ images, seconds }) => images / seconds)
}

/** How many times as fast one is as another, round by round. */
export function ratiosOf(one: readonly Took[], other: readonly Took[]): number[] {
  const others = speedsOf(other)
  return speedsOf(one).map((speed, round) => speed / others[round]!)
}

/** Shares of its time that the steps waited for their batches, in percent, round by round. */
export function waitsOf(took: readonly Took[]): number[] {
  return took.map(({ seconds, waitSeconds = 0 }) => (100 * waitSeconds) / seconds)
}
