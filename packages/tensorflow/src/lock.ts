import { randomUUID } from 'node:crypto'
import { link, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { hasCode } from './has-code.ts'

/** A holder on another host cannot be asked whether it lives; no preparation takes this long. */
const FOREIGN_HOLDER_MS = 30 * 60_000
const POLL_MS = 100

interface Holder {
  readonly pid: number
  readonly host: string
  /** Start of the process in kernel ticks, so that a pid used again is not taken for the holder; null if unknown. */
  readonly started: string | null
}

/**
 * Runs `work` while no other process runs work under the same lock file.
 *
 * A holder that died without letting go is noticed and passed over. Two waiters that notice it in the same
 * instant may, very rarely, both go on: what `work` makes must appear by one rename, so that this costs time and
 * breaks nothing.
 *
 * @param onWait Called once if another process holds the lock.
 */
export async function withLock<T>(file: string, work: () => Promise<T>, onWait?: () => void): Promise<T> {
  const mine = JSON.stringify({ pid: process.pid, host: hostname(), started: await startOf(process.pid) })
  let waited = false
  while (!(await take(file, mine))) {
    if (await isAbandoned(file)) {
      await rm(file, { force: true })
      continue
    }
    if (!waited) onWait?.()
    waited = true
    await pause(POLL_MS)
  }
  try {
    return await work()
  } finally {
    await rm(file, { force: true })
  }
}

/** Makes the lock file with its content in one step: a reader never sees one without its holder. */
async function take(file: string, content: string): Promise<boolean> {
  const draft = `${file}.${randomUUID()}`
  await writeFile(draft, content)
  try {
    await link(draft, file)
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    throw error
  } finally {
    await rm(draft, { force: true })
  }
}

async function isAbandoned(file: string): Promise<boolean> {
  try {
    const holder = JSON.parse(await readFile(file, 'utf8')) as Holder
    if (holder.host !== hostname()) return Date.now() - (await stat(file)).mtimeMs > FOREIGN_HOLDER_MS
    return !isAlive(holder.pid) || (await startOf(holder.pid)) !== holder.started
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    if (error instanceof SyntaxError) return true
    throw error
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return hasCode(error, 'EPERM')
  }
}

/**
 * Fields 3 (state) and 22 (start) of /proc/<pid>/stat; the second field may hold spaces and brackets, so count from
 * its end. A zombie has no start: it is dead, and in a container without an init nobody ever buries it.
 */
async function startOf(pid: number): Promise<string | null> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? null : (fields[19] ?? null)
  } catch {
    return null
  }
}
