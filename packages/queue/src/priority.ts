/** BullMQ's priorities are 1 to 2 097 152 and its lowest number goes first; ours go both ways from 0. */
const middle = 1_048_576

/**
 * BullMQ's number for a priority where a higher number goes first; equal ones go in the order they came.
 * @param priority whole, clamped to ±1 000 000
 */
export function bullPriority(priority: number): number {
  return middle - Math.max(-1_000_000, Math.min(1_000_000, priority))
}
