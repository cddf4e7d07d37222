import { AppError, capFaults } from '@baton/contracts'
import type { Fault } from '@baton/contracts'

/** `dataset-input-invalid` with all its faults; a pointer is `file:row`, or the file alone. */
export function invalidInput(faults: readonly Fault[]): AppError {
  const [first] = faults
  const detail = faults.length === 1 && first ? `${first.pointer}: ${first.detail}` : undefined
  return new AppError(
    'dataset-input-invalid',
    {},
    { ...(detail === undefined ? {} : { detail }), faults: capFaults(faults) },
  )
}

/** What an error says, in one line. */
export function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!
}
