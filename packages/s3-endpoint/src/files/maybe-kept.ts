import { S3Error } from '../errors.ts'

/** Thrown where it cannot be known whether a row names a new file: removing the file could lose what was stored. */
export class MaybeKept extends Error {
  override readonly name = 'MaybeKept'
}

/** Passes on a refusal, which is certain; any other failure of a write leaves open whether it happened. */
export function toMaybeKept(error: unknown): never {
  if (error instanceof S3Error) throw error
  throw new MaybeKept('the database did not answer a write', { cause: error })
}
