/** One row of the problem table. */
export interface ProblemSpec {
  /**
   * Where it is met.
   *
   * rest     an answer of REST; it may be a fold's failure too
   * fold     why a fold or attempt failed
   * machine  what the CLI or a service says where it runs
   */
  readonly met: 'rest' | 'fold' | 'machine'
  /** HTTP status it answers with. */
  readonly status: number
  /** Whether the same call may succeed later without being changed. */
  readonly retryable: boolean
  readonly title: string
  /** What the reader does about it. */
  readonly remedy: string
}

/** The one list of what can go wrong. Codes are never reused; docs, OpenAPI and retry policy derive from it. */
export const problems = {
  'request-invalid': {
    met: 'rest',
    status: 400,
    retryable: false,
    title: 'The request does not fit its schema',
    remedy: 'Correct the fields listed under errors.',
  },
  'spec-invalid': {
    met: 'rest',
    status: 422,
    retryable: false,
    title: 'The experiment spec is not valid',
    remedy: 'Correct the fields listed under errors; nothing was stored.',
  },
  'manifest-invalid': {
    met: 'rest',
    status: 422,
    retryable: false,
    title: 'The dataset manifest is not valid',
    remedy: 'Correct the samples listed under errors and create the dataset version again.',
  },
  'bundle-invalid': {
    met: 'rest',
    status: 422,
    retryable: false,
    title: 'The code bundle is not safe to unpack',
    remedy: 'Pack the folder again with `baton code push`.',
  },
  'dataset-input-invalid': {
    met: 'machine',
    status: 422,
    retryable: false,
    title: 'The images or labels cannot be imported',
    remedy: 'Correct the files listed under errors and import again.',
  },
  unauthenticated: {
    met: 'rest',
    status: 401,
    retryable: false,
    title: 'No valid token came with the request',
    remedy: 'Send `Authorization: Bearer <token>` with a token that has not expired or been used up.',
  },
  forbidden: {
    met: 'rest',
    status: 403,
    retryable: false,
    title: 'This token may not do that',
    remedy: 'Use a token of the role that the route names.',
  },
  'not-found': {
    met: 'rest',
    status: 404,
    retryable: false,
    title: 'There is nothing at that address',
    remedy: 'Check the id or name.',
  },
  conflict: {
    met: 'rest',
    status: 409,
    retryable: false,
    title: 'It is not in a state that allows this',
    remedy: 'Read its present state and decide again.',
  },
  'already-exists': {
    met: 'rest',
    status: 409,
    retryable: false,
    title: 'That name is taken',
    remedy: 'Choose another name.',
  },
  'precondition-required': {
    met: 'rest',
    status: 428,
    retryable: false,
    title: 'The request does not say which state it changes',
    remedy: 'Read the resource, then send its ETag as If-Match; `If-Match: *` changes it whatever it is now.',
  },
  'precondition-failed': {
    met: 'rest',
    status: 412,
    retryable: false,
    title: 'It was changed meanwhile',
    remedy: 'Read it again, decide again, and send the new ETag as If-Match.',
  },
  'idempotency-key-reused': {
    met: 'rest',
    status: 422,
    retryable: false,
    title: 'This Idempotency-Key was used for another request',
    remedy: 'Use a new key for a new request.',
  },
  'idempotency-in-flight': {
    met: 'rest',
    status: 409,
    retryable: true,
    title: 'The first request with this Idempotency-Key is still being answered',
    remedy: 'Send the same request again shortly.',
  },
  'lease-lost': {
    met: 'rest',
    status: 409,
    retryable: false,
    title: 'Another session holds this fold',
    remedy: 'Stop working on the fold; ask for a new lease.',
  },
  'blob-missing': {
    met: 'rest',
    status: 422,
    retryable: false,
    title: 'An object that was named is not in storage',
    remedy: 'Upload the listed objects, then send the request again.',
  },
  'digest-mismatch': {
    met: 'rest',
    status: 422,
    retryable: true,
    title: 'The bytes do not have the digest they are named by',
    remedy: 'Send the object again.',
  },
  'checkpoint-corrupt': {
    met: 'rest',
    status: 422,
    retryable: false,
    title: 'The checkpoint cannot be read',
    remedy: 'Resume from an earlier checkpoint; report it if it happens again.',
  },
  'sample-broken': {
    met: 'fold',
    status: 422,
    retryable: false,
    title: 'A sample cannot be read',
    remedy: 'Replace or remove the sample and create a new dataset version.',
  },
  'loss-not-finite': {
    met: 'fold',
    status: 422,
    retryable: false,
    title: 'The loss became NaN or infinite',
    remedy: 'Lower the learning rate or clip gradients; the step and its samples are named.',
  },
  'out-of-memory': {
    met: 'fold',
    status: 507,
    retryable: true,
    title: 'The training ran out of memory',
    remedy: 'Give `accumulate` a larger number, or use a smaller image size or model, or a machine with more memory.',
  },
  'disk-full': {
    met: 'fold',
    status: 507,
    retryable: true,
    title: 'The disk has no room for what the training needs',
    remedy: 'Free space where the cache lies, or let BATON_CACHE name a folder on a larger disk.',
  },
  'weights-unfit': {
    met: 'fold',
    status: 422,
    retryable: false,
    title: 'The weights do not fit the model',
    remedy: 'Give weights of this architecture and width, as safetensors or a TensorFlow.js layers model.',
  },
  'export-impossible': {
    met: 'machine',
    status: 422,
    retryable: false,
    title: 'The model cannot be written in that format',
    remedy: 'Choose another --format; safetensors takes every model.',
  },
  'user-code-failed': {
    met: 'fold',
    status: 422,
    retryable: false,
    title: 'The code bundle failed',
    remedy: 'Read the last lines of the log, correct the code and start a new experiment.',
  },
  'input-unusable': {
    met: 'fold',
    status: 422,
    retryable: false,
    title: 'What the training takes from elsewhere does not fit it',
    remedy: 'Read what does not fit, correct the spec and start a new experiment.',
  },
  'fold-poisoned': {
    met: 'fold',
    status: 422,
    retryable: false,
    title: 'Three sessions died at the same step of this fold',
    remedy: 'Look at the step and its samples; retry the fold once the cause is gone.',
  },
  'trainer-crashed': {
    met: 'fold',
    status: 500,
    retryable: true,
    title: 'The training process died',
    remedy: 'Nothing: the fold resumes from its last checkpoint.',
  },
  'tensorflow-unavailable': {
    met: 'fold',
    status: 500,
    retryable: false,
    title: 'No TensorFlow library could be bound',
    remedy: 'Run `baton doctor`, which says what was tried and what each lacked.',
  },
  'predictions-incomplete': {
    met: 'rest',
    status: 422,
    retryable: false,
    title: 'The predictions do not cover their samples exactly once',
    remedy: 'Train the fold again.',
  },
  'config-invalid': {
    met: 'machine',
    status: 500,
    retryable: false,
    title: 'The configuration is not valid',
    remedy: 'Correct the environment variables listed under errors.',
  },
  'method-not-allowed': {
    met: 'rest',
    status: 405,
    retryable: false,
    title: 'That address does not take this method',
    remedy: 'Use one of the methods that the Allow header names.',
  },
  'media-type-unsupported': {
    met: 'rest',
    status: 415,
    retryable: false,
    title: 'The request body is not JSON',
    remedy: 'Send JSON, and say so: `Content-Type: application/json`.',
  },
  'payload-too-large': {
    met: 'rest',
    status: 413,
    retryable: false,
    title: 'The request body is too large',
    remedy: 'Send less at once; large bytes go to the addresses that uploads answer with.',
  },
  'headers-too-large': {
    met: 'rest',
    status: 431,
    retryable: false,
    title: 'The address or the headers of the request are too long',
    remedy: 'Send no more than 16 kB of them.',
  },
  'request-too-slow': {
    met: 'rest',
    status: 408,
    retryable: true,
    title: 'The request did not arrive in time',
    remedy: 'Send it again; large bytes go to the addresses that uploads answer with.',
  },
  'rate-limited': {
    met: 'rest',
    status: 429,
    retryable: true,
    title: 'Too many requests',
    remedy: 'Wait for Retry-After.',
  },
  'storage-unavailable': {
    met: 'rest',
    status: 503,
    retryable: true,
    title: 'Object storage did not answer',
    remedy: 'Try again; see the service log if it goes on.',
  },
  unavailable: {
    met: 'rest',
    status: 503,
    retryable: true,
    title: 'The service is starting, stopping or cannot reach its database',
    remedy: 'Try again shortly.',
  },
  'database-incompatible': {
    met: 'machine',
    status: 500,
    retryable: false,
    title: 'The database was migrated by another version of Baton',
    remedy: 'Run the newest version that this database has seen, or restore a backup from before it.',
  },
  'backup-invalid': {
    met: 'machine',
    status: 422,
    retryable: false,
    title: 'The backup is not whole',
    remedy: 'Use another backup; nothing was restored.',
  },
  'database-not-empty': {
    met: 'machine',
    status: 409,
    retryable: false,
    title: 'The database to restore into is not empty',
    remedy: 'Restore into a new database or data folder, or give --force to lose what is listed.',
  },
  internal: {
    met: 'rest',
    status: 500,
    retryable: true,
    title: 'Something broke on our side',
    remedy: 'Try again; the service log has the cause under the same instance.',
  },
} as const satisfies Record<string, ProblemSpec>

export type ProblemCode = keyof typeof problems
export const problemCodes = Object.keys(problems) as [ProblemCode, ...ProblemCode[]]

/** One fault in an input: where (JSON pointer, or file and entry), why, and what would be right. */
export interface Fault {
  readonly pointer: string
  readonly detail: string
}

export interface AppErrorOptions {
  readonly detail?: string
  readonly faults?: readonly Fault[]
  readonly cause?: unknown
}

/**
 * An expected failure: a code from the table and the facts of this case.
 * Decide by `code` through `isAppError`, never by message or `instanceof`: two copies of this package may meet.
 */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: ProblemCode
  readonly facts: Readonly<Record<string, unknown>>
  readonly detail: string | undefined
  readonly faults: readonly Fault[]

  constructor(code: ProblemCode, facts: Readonly<Record<string, unknown>> = {}, options: AppErrorOptions = {}) {
    super(options.detail ?? problems[code].title, options.cause === undefined ? {} : { cause: options.cause })
    this.code = code
    this.facts = facts
    this.detail = options.detail
    this.faults = options.faults ?? []
  }
}

/** Whether a thrown value is an expected failure (of the given code, where one is named). */
export function isAppError(error: unknown, code?: ProblemCode): error is AppError {
  return (
    error instanceof Error && error.name === 'AppError' && (code === undefined || (error as AppError).code === code)
  )
}

/** JSON pointer (RFC 6901) of a zod path. */
export function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}
