import { once } from 'node:events'
import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'

/** A process that is started again at once whenever it ends, as by an orchestrator. */
export interface Revived {
  /** The one that runs now. */
  current(): ChildProcess
  /** Ends it without a word, and returns once it is gone and the next one started. */
  kill(): Promise<void>
  /** Ends it in order and for good. */
  stop(): Promise<void>
  /** The latest lines of all that ran, and how each ended. */
  readonly lines: readonly string[]
  /** How those ended that nobody killed. */
  readonly ends: readonly string[]
}

const linesKept = 5000

/** @param start Starts one, its standard output and error piped. */
export function revive(start: () => ChildProcess): Revived {
  const lines: string[] = []
  const ends: string[] = []
  let isStopping = false
  let isKilled = false
  let child: ChildProcess

  const say = (line: string) => {
    if (lines.push(line) > linesKept) lines.shift()
  }
  // A test run that is called off leaves nothing behind.
  process.once('exit', () => child.kill('SIGKILL'))
  const launch = () => {
    child = start()
    for (const stream of [child.stdout!, child.stderr!]) createInterface({ input: stream }).on('line', say)
    say(`-- process ${child.pid} starts`)
    child.once('exit', (code, signal) => {
      const end = `process ${child.pid} ended with ${signal ?? code}`
      say(`-- ${end}${isKilled ? ', killed by the test' : ''}`)
      if (!isKilled) ends.push(end)
      isKilled = false
      if (!isStopping) launch()
    })
  }
  launch()
  return {
    current: () => child,
    async kill() {
      isKilled = true
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
    async stop() {
      isStopping = true
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      await gone
    },
    lines,
    ends,
  }
}
