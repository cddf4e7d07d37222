import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { startPostgres } from '@baton/postgres'
import type { Durability, Postgres } from '@baton/postgres'
import { runSql } from '@baton/testing'
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'

let folder: string
let dataDir: string
beforeEach(({ onTestFinished }) => {
  folder = mkdtempSync(path.join(tmpdir(), 'baton-postgres-'))
  chmodSync(folder, 0o755)
  dataDir = path.join(folder, 'data')
  // The first to be registered is the last to run: by then what the test started has stopped.
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
})

describe('a database of our own', () => {
  test('keeps its rows over a stop and a start', async () => {
    const first = await start('safe')
    await insertRow(first.url)
    await Promise.all([first.stop(), first.stop()])

    const second = await start('safe')
    expect(await countRows(second.url)).toBe(1)
    await second.stop()
    expect(serverProcesses()).toEqual([])
  })

  test('opens only with its password, which only we can read, and only at 127.0.0.1', async () => {
    const { url, port } = await start()
    const stored = `${dataDir}.password`
    expect(statSync(stored).mode & 0o777).toBe(0o600)
    expect(url).toContain(readFileSync(stored, 'utf8'))
    await expect(runSql(url.replace(/:[^:@]+@/, ':wrong@'), 'SELECT 1')).rejects.toMatchObject({ code: '28P01' })

    const outside = Object.values(networkInterfaces())
      .flatMap((all) => all ?? [])
      .find((one) => !one.internal && one.family === 'IPv4')
    if (outside)
      await expect(runSql(url.replace('127.0.0.1', outside.address), 'SELECT 1')).rejects.toMatchObject({
        code: 'ECONNREFUSED',
      })
    expect(port).toBeGreaterThan(0)
  })

  test('is run by one process at a time', async () => {
    const first = await start()
    await expect(start()).rejects.toThrow(`is already run by process ${process.pid}`)
    await first.stop()
    await start()
  })

  test('of several starts at once exactly one wins', async () => {
    const outcomes = await Promise.allSettled([start(), start(), start()])
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  test('is not started from what an interrupted first start left', async () => {
    mkdirSync(`${dataDir}.new`)
    writeFileSync(path.join(`${dataDir}.new`, 'PG_VERSION'), '18\n')
    const { url } = await start()
    await insertRow(url)
  })

  test('says what is wrong with its files', async () => {
    const first = await start()
    await first.stop()
    renameSync(`${dataDir}.password`, `${dataDir}.kept`)
    await expect(start()).rejects.toThrow('restore the file')

    writeFileSync(`${dataDir}.password`, 'another', { mode: 0o600 })
    await expect(start()).rejects.toThrow('does not open the database')
    expect(serverProcesses()).toEqual([])

    writeFileSync(path.join(dataDir, 'postgresql.conf'), 'no_such_setting = 1\n')
    await expect(start()).rejects.toThrow('no_such_setting')

    writeFileSync(path.join(dataDir, 'PG_VERSION'), '9\n')
    await expect(start()).rejects.toThrow('is of PostgreSQL 9')
  })

  test.runIf(process.getuid?.() === 0)('is kept elsewhere when its folder is closed to its user', async () => {
    chmodSync(folder, 0o700)
    const first = await start()
    const real = realpathSync(dataDir)
    onTestFinished(() => rmSync(real, { recursive: true, force: true }))
    expect(lstatSync(dataDir).isSymbolicLink()).toBe(true)
    await insertRow(first.url)
    await first.stop()

    const second = await start()
    expect(await countRows(second.url)).toBe(1)
    await second.stop()

    rmSync(real, { recursive: true })
    await expect(start()).rejects.toThrow('no longer there')
  })
})

describe.runIf(process.platform === 'linux')('whatever is killed, no row is lost', () => {
  test('the process that runs it: the server stops by itself', async () => {
    const holder = await hold()
    await insertRow(holder.url)
    await kill(holder.process)
    await vi.waitUntil(() => serverProcesses().length === 0, { timeout: 30_000 })
    expect(await countRowsAfterStart()).toBe(1)
  })

  test('that process and its watchdog: the next start stops the server that is left', async () => {
    const holder = await hold()
    await insertRow(holder.url)
    process.kill(watchdogs()[0]!, 'SIGKILL')
    await kill(holder.process)
    expect(serverProcesses()).not.toEqual([])
    expect(await countRowsAfterStart()).toBe(1)
  })

  test('the watchdog: another one watches', async () => {
    const holder = await hold()
    await insertRow(holder.url)
    const [first] = watchdogs()
    process.kill(first!, 'SIGKILL')
    await vi.waitUntil(() => watchdogs().some((pid) => pid !== first), { timeout: 30_000 })
    await kill(holder.process)
    await vi.waitUntil(() => serverProcesses().length === 0, { timeout: 30_000 })
  })

  test('the server: it comes back at the same address', async () => {
    const postgres = await start()
    await insertRow(postgres.url)
    process.kill(postmaster(), 'SIGKILL')
    await vi.waitFor(async () => expect(await countRows(postgres.url)).toBe(1), { timeout: 30_000 })
    await postgres.stop()
    expect(serverProcesses()).toEqual([])
  })

  test('the server, for good: the one who started it is told', async () => {
    const postgres = await start()
    const gone = new Promise<Error>((resolve) => postgres.onExit(resolve))
    rmSync(path.join(dataDir, 'global'), { recursive: true })
    process.kill(postmaster(), 'SIGKILL')
    expect((await gone).message).toContain('PostgreSQL did not start')
    await postgres.stop()
  })

  test('all of them at once', async () => {
    const holder = await hold()
    await insertRow(holder.url)
    await killAll(holder.process)
    expect(await countRowsAfterStart()).toBe(1)
  })

  test('the machine: a pid file may name a process that is another by now', async () => {
    const holder = await hold()
    await insertRow(holder.url)
    await killAll(holder.process)
    const pidFile = path.join(dataDir, 'postmaster.pid')
    writeFileSync(pidFile, readFileSync(pidFile, 'utf8').replace(/^\d+/, String(process.pid)))
    expect(await countRowsAfterStart()).toBe(1)
  })
})

/** Without flushing, which kills do not need, the tests take a third of the time. */
async function start(durability: Durability = 'none'): Promise<Postgres> {
  const postgres = await startPostgres({ dataDir, durability })
  onTestFinished(() => postgres.stop())
  return postgres
}

/** A process of its own that runs the database. */
async function hold(): Promise<{ process: ChildProcess; url: string }> {
  const child = fork(fileURLToPath(new URL('./postgres-holder.ts', import.meta.url)), [dataDir])
  onTestFinished(() => void child.kill('SIGKILL'))
  const [url] = (await once(child, 'message')) as [string]
  return { process: child, url }
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** As when the machine stops: the holder is held first, or it might still start again what it sees die. */
async function killAll(holder: ChildProcess): Promise<void> {
  holder.kill('SIGSTOP')
  for (const pid of [...watchdogs(), postmaster()]) process.kill(pid, 'SIGKILL')
  await kill(holder)
}

async function countRowsAfterStart(): Promise<number> {
  const { url } = await start()
  return countRows(url)
}

const insertRow = (url: string) => runSql(url, 'CREATE TABLE t (i int); INSERT INTO t VALUES (1)')

async function countRows(url: string): Promise<number> {
  const [row] = await runSql(url, 'SELECT count(*)::int AS n FROM t')
  return Number(row!.n)
}

/** Live PostgreSQL processes on our data directory. */
function serverProcesses(): number[] {
  const real = realpathSync(dataDir)
  return processesWhere((pid) => readlinkSync(`/proc/${pid}/cwd`) === real, 'postgres')
}

function watchdogs(): number[] {
  return processesWhere(
    (pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`watchdog\0${postmaster()}\0`),
    'sh',
  )
}

const postmaster = () => Number.parseInt(readFileSync(path.join(dataDir, 'postmaster.pid'), 'utf8'), 10)

function processesWhere(matches: (pid: number) => boolean, comm: string): number[] {
  const pids = readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0)
  return pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === comm && matches(pid)
    } catch {
      return false
    }
  })
}
