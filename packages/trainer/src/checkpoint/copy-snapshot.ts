import { breathe } from '../fold/interrupts.ts'
import type { NamedTensor } from '../models/model.ts'
import type { Snapshot } from '../step/stage-state.ts'

/** A state is copied for so long at a time; then the event loop runs, or the training does its next step. */
export const copyMs = 10

/** Reads a snapshot whole. The event loop runs after each `copyMs` and one part's copy at most. */
export async function copySnapshot(snapshot: Snapshot, clock: { now(): number }): Promise<Map<string, NamedTensor>> {
  const copied = new Map<string, NamedTensor>()
  let startMs = clock.now()
  for (const part of snapshot) {
    if (part) copied.set(...part)
    if (clock.now() - startMs < copyMs) continue
    await breathe()
    startMs = clock.now()
  }
  return copied
}
