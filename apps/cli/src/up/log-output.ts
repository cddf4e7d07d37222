import { createWriteStream } from 'node:fs'
import path from 'node:path'
import type { Io } from '../io.ts'
import { paint } from '../output/paint.ts'
import { printable } from '../output/text.ts'
import { makeDataDir } from './make-data-dir.ts'

export interface LogOutput {
  /** Takes a line: a JSON object of the log, or what a child process prints beside it. */
  readonly write: (line: string) => void
  /** Where they go; null: standard error. */
  readonly file: string | null
}

/**
 * Where the log of `baton up` goes. A person at a terminal gets warnings and errors as words, and the whole log in a
 * file; anything else (a container, a service manager) gets it on standard error as it is.
 */
export async function openLogOutput(io: Io, dataDir: string): Promise<LogOutput> {
  if (!io.terminal) return { write: (line) => io.err(line.trimEnd()), file: null }
  await makeDataDir(dataDir)
  const file = path.join(dataDir, 'baton.log')
  const stream = createWriteStream(file, { flags: 'a', mode: 0o600 })
  return {
    file,
    write: (line) => {
      stream.write(`${line.trimEnd()}\n`)
      const words = alarming(line)
      if (words)
        io.err(`${paint(io, words.level === 'error' ? 'red' : 'yellow', words.level)}  ${printable(words.text)}`)
    },
  }
}

function alarming(line: string): { level: string; text: string } | null {
  const { level, app, msg, err, error } = parse(line)
  if (level !== 'warn' && level !== 'error') return null
  const reason = (err ?? error) as { message?: string } | undefined
  return { level, text: `${String(app)}: ${String(msg)}${reason?.message === undefined ? '' : `: ${reason.message}`}` }
}

function parse(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    // TensorFlow and dying processes print as they like.
    return {}
  }
}
