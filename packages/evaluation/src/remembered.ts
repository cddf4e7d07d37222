/** What is made without one of the folds, by its place, or of all of them, null: each once. */
export function remembered<T>(make: (left: number | null) => T): (left: number | null) => T {
  const made = new Map<number | null, T>()
  return (left) => {
    if (!made.has(left)) made.set(left, make(left))
    return made.get(left)!
  }
}
