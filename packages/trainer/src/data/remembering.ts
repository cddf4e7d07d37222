/** Of a function: its last result is not computed again. @param keyOf What tells arguments apart */
export function remembering<Argument, Result>(
  compute: (argument: Argument) => Result,
  keyOf: (argument: Argument) => unknown = (argument) => argument,
): (argument: Argument) => Result {
  let last: { key: unknown; result: Result } | undefined
  return (argument) => {
    const key = keyOf(argument)
    if (!last || last.key !== key) last = { key, result: compute(argument) }
    return last.result
  }
}
