import type { Io } from '../io.ts'

/** Shows how far several things are: bars on a terminal, a line at each tenth in a pipe. */
export interface Progress {
  /** Shows a thing's state in place of what was shown of it before. */
  update(label: string, done: number, total: number, detail?: string): void
  /** Takes a thing away. */
  remove(label: string): void
  /** Prints a line that stays, above the bars. */
  print(line: string): void
  /** Leaves the bars as they last were; nothing is shown after that. */
  end(): void
}

/** Redrawing more often than this only flickers. */
const redrawMs = 80
const barCells = 24

/**
 * @param print Takes the lines that stay.
 * @param now Milliseconds, for the rhythm of redrawing.
 */
export function createProgress(
  io: Io,
  { print = io.err, now = () => performance.now() }: { print?: (line: string) => void; now?: () => number } = {},
): Progress {
  return io.terminal ? barsOn(io.terminal, print, now) : linesOn(io, print)
}

interface Bar {
  readonly done: number
  readonly total: number
  readonly detail: string
}

function barsOn(terminal: NonNullable<Io['terminal']>, print: (line: string) => void, now: () => number): Progress {
  const bars = new Map<string, Bar>()
  let drawnLines = 0
  let drawnAt = -Infinity

  const clear = () => {
    if (drawnLines > 0) terminal.write(`\u001b[${drawnLines}A\r\u001b[J`)
    drawnLines = 0
  }
  const draw = () => {
    clear()
    const width = Math.max(0, ...[...bars.keys()].map((label) => label.length))
    // A line that wraps would be two lines, and clearing would miss one.
    const lines = [...bars].map(([label, bar]) =>
      `${label.padEnd(width)}  ${barLine(bar)}`.slice(0, terminal.columns - 1),
    )
    terminal.write(lines.map((line) => `${line}\n`).join(''))
    drawnLines = lines.length
    drawnAt = now()
  }
  return {
    update(label, done, total, detail = '') {
      const isNew = !bars.has(label)
      bars.set(label, { done, total, detail })
      if (isNew || done >= total || now() - drawnAt >= redrawMs) draw()
    },
    remove(label) {
      if (bars.delete(label)) draw()
    },
    print(line) {
      clear()
      print(line)
      draw()
    },
    end() {
      draw()
      drawnLines = 0
      bars.clear()
    },
  }
}

function barLine({ done, total, detail }: Bar): string {
  const part = partOf(done, total)
  const full = Math.round(part * barCells)
  return `${'█'.repeat(full)}${'░'.repeat(barCells - full)} ${percent(part)}  ${detail}`.trimEnd()
}

function linesOn(io: Io, print: (line: string) => void): Progress {
  const tenths = new Map<string, number>()
  return {
    update(label, done, total, detail = '') {
      const part = partOf(done, total)
      const tenth = Math.floor(part * 10)
      if (tenths.get(label) === tenth) return
      tenths.set(label, tenth)
      io.err(`${label} ${percent(part)} ${detail}`.trimEnd())
    },
    remove: (label) => void tenths.delete(label),
    print,
    end: () => tenths.clear(),
  }
}

function partOf(done: number, total: number): number {
  return total === 0 ? 1 : Math.min(1, done / total)
}

function percent(part: number): string {
  return `${Math.floor(part * 100)}%`.padStart(4)
}
