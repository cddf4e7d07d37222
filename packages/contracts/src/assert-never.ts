/** In a file of its own, which needs nothing: small threads use it without all schemas. */
export function assertNever(value: never): never {
  throw new Error(`unhandled case: ${JSON.stringify(value)}`)
}
