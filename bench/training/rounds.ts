import type { Took } from './peer.ts'

/** What each of some peers took in each round, by their names. */
export type Rounds<Name extends string> = ReadonlyMap<Name, readonly Took[]>

/**
 * Lets every one have its turn in every round, one after the other, so that all of a round runs in the same seconds. Who
 * begins goes round: a machine that slows down within each round treats all alike.
 */
export async function inRounds<Name extends string>(
  names: readonly Name[],
  rounds: number,
  turn: (name: Name, round: number) => Promise<Took>,
): Promise<Rounds<Name>> {
  const took = new Map(names.map((name) => [name, [] as Took[]]))
  for (let round = 0; round < rounds; round++)
    for (const name of rotated(names, round)) took.get(name)!.push(await turn(name, round))
  return took
}

/** The list begun at another place. */
export function rotated<T>(list: readonly T[], by: number): T[] {
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
