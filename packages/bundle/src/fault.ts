import { AppError } from '@baton/contracts'
import type { Fault } from '@baton/contracts'

/** `bundle-invalid` with all its faults; a pointer is the entry's name, or empty for the archive as a whole. */
export function invalidBundle(faults: readonly Fault[], cause?: unknown): AppError {
  const [first] = faults
  const detail = faults.length === 1 && first ? [first.pointer, first.detail].filter(Boolean).join(': ') : undefined
  return new AppError('bundle-invalid', {}, { ...(detail === undefined ? {} : { detail }), faults, cause })
}
