/**
 * Tells when those who may still be reading something have left.
 *
 * A reader enters under a name before it looks up which files the name stands for. Whoever replaces those files waits,
 * after its change is visible, until all that had entered by then have left: later readers cannot have seen the old
 * files, and earlier ones finish.
 */
export interface ReadGate {
  /** Enters under a name; call what it answers to leave, once. */
  enter(name: string): () => void
  /** Resolves when all who are in now, under that name, have left. */
  cleared(name: string): Promise<void>
}

export function createReadGate(): ReadGate {
  const inside = new Map<string, Set<Promise<void>>>()
  return {
    enter(name) {
      let leave!: () => void
      const left = new Promise<void>((resolve) => (leave = resolve))
      const readers = inside.get(name) ?? new Set()
      inside.set(name, readers.add(left))
      return () => {
        readers.delete(left)
        if (readers.size === 0) inside.delete(name)
        leave()
      }
    },
    async cleared(name) {
      await Promise.all([...(inside.get(name) ?? [])])
    },
  }
}
