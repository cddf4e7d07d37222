import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const pollMs = 20

/**
 * Ends every PostgreSQL process that an earlier run left on this data directory, and then removes the pid file.
 * The caller holds the directory's lock, so whatever runs there is nobody's. Processes that outlive their
 * killed postmaster would go on writing beside a new one; a pid file whose number is another process by now
 * (after a reboot, or in a fresh container) would keep PostgreSQL from starting.
 *
 * @returns how many processes were ended
 * @throws {Error} when they do not end
 */
export async function stopOrphans(dataDir: string): Promise<number> {
  const orphans = serverProcesses(dataDir)
  const postmaster = readPidFile(dataDir)
  const goneAfter = async (signal: NodeJS.Signals, pids: readonly number[], waitMs: number) => {
    for (const pid of pids) send(pid, signal)
    for (let waitedMs = 0; serverProcesses(dataDir).length > 0; waitedMs += pollMs) {
      if (waitedMs >= waitMs) return false
      await delay(pollMs)
    }
    return true
  }
  const isGone =
    // Asked nicely the server writes its memory to disk first, so that the next start is quick.
    (await goneAfter('SIGINT', postmaster === undefined ? [] : orphans.filter((pid) => pid === postmaster), 15_000)) ||
    (await goneAfter('SIGQUIT', serverProcesses(dataDir), 5_000)) ||
    (await goneAfter('SIGKILL', serverProcesses(dataDir), 5_000))
  if (!isGone) throw new Error(`processes ${serverProcesses(dataDir).join()} run on ${dataDir} and do not end`)
  rmSync(path.join(dataDir, 'postmaster.pid'), { force: true })
  return orphans.length
}

/**
 * The live PostgreSQL processes on a data directory. All of them work in that folder, which tells them from
 * others on Linux; elsewhere only the postmaster is found, by the pid file and its command line.
 */
function serverProcesses(dataDir: string): number[] {
  if (process.platform === 'linux')
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0 && worksIn(dataDir, pid))
  const pid = readPidFile(dataDir)
  if (pid === undefined) return []
  try {
    return execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).includes(dataDir)
      ? [pid]
      : []
  } catch {
    return []
  }
}

function worksIn(dataDir: string, pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === dataDir && readFileSync(`/proc/${pid}/comm`, 'utf8') === 'postgres\n'
  } catch {
    return false // It has ended, or is another user's.
  }
}

function readPidFile(dataDir: string): number | undefined {
  const file = path.join(dataDir, 'postmaster.pid')
  const pid = existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : 0
  return pid > 0 ? pid : undefined
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
