/**
 * Whether the caller may change a resource that is in this state, as the resource is shown to them: they have named the
 * state they mean. Verbs ask once they hold the lock, so that of two who mean the same state only one changes it.
 *
 * @throws {AppError} `precondition-failed`
 */
export type IfMatch = (current: object) => void
