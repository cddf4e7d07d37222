import type { Ready } from './peer.ts'

/**
 * Holds a peer to what it is compared with: as many parameters, and the same losses in its first steps, which begin with
 * the same weights and see the same batches.
 *
 * @throws {Error} naming what differs
 */
export function checkSameWork(
  { title, tolerance }: { title: string; tolerance: number },
  peer: Pick<Ready, 'parameters' | 'losses'>,
  reference: Pick<Ready, 'parameters' | 'losses'>,
): void {
  if (peer.parameters !== reference.parameters)
    throw new Error(`${title} trains ${peer.parameters} numbers, not ${reference.parameters}`)
  const differs = (loss: number, step: number) =>
    !(Math.abs(loss - reference.losses[step]!) <= tolerance * reference.losses[step]!)
  const step = peer.losses.findIndex(differs)
  if (step >= 0 || peer.losses.length !== reference.losses.length)
    throw new Error(`${title} does not train alike: its losses are ${shown(peer)}, not ${shown(reference)}`)
}

function shown({ losses }: Pick<Ready, 'losses'>): string {
  return losses.map((loss) => loss.toFixed(4)).join(' ')
}
