import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/**
 * Runs a program to its end and gives what it wrote to standard output.
 *
 * @throws {Error} that says in one line what was lacking: the program, or the end of what it complained about
 */
export async function run(command: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await execute(command, [...args], { maxBuffer: 64 * 1024 * 1024 })
    return stdout
  } catch (cause) {
    const { code, stderr } = cause as { code?: unknown; stderr?: string }
    if (code === 'ENOENT') throw new Error(`${command} is not installed`, { cause })
    throw new Error(`${command} failed: ${lastLines(stderr ?? '') || String(code)}`, { cause })
  }
}

/** Enough of a complaint to act on: pip and compilers say the reason last, the whole is in `cause`. */
function lastLines(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return lines.slice(-3).join(' | ').slice(-600)
}
