import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { withLock } from './lock.ts'

async function aLockFile(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'baton-lock-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return path.join(folder, 'lock')
}

const heldBy = (pid: number, started: string | null, host = hostname()) => JSON.stringify({ pid, host, started })

test('work under one lock never overlaps, and the lock is gone after it, also when work fails', async () => {
  const file = await aLockFile()
  let inside = 0
  let most = 0
  const work = async () => {
    most = Math.max(most, ++inside)
    await readFile(file)
    inside--
    throw new Error('as planned')
  }
  const outcomes = await Promise.allSettled([1, 2, 3].map(() => withLock(file, work)))
  expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected', 'rejected'])
  expect(most).toBe(1)
  expect(existsSync(file)).toBe(false)
})

test('a lock whose holder has died is passed over', async () => {
  const file = await aLockFile()
  await writeFile(file, heldBy(spawnSync(process.execPath, ['-e', '']).pid, '12345'))
  expect(await withLock(file, async () => 'mine')).toBe('mine')
})

test.runIf(process.platform === 'linux')('a lock whose pid now belongs to another process is passed over', async () => {
  const file = await aLockFile()
  await writeFile(file, heldBy(process.pid, '1'))
  expect(await withLock(file, async () => 'mine')).toBe('mine')
})

test('a lock that was never written whole is passed over', async () => {
  const file = await aLockFile()
  await writeFile(file, '')
  expect(await withLock(file, async () => 'mine')).toBe('mine')
})

test.runIf(process.platform === 'linux')('a live holder is waited for, until it dies', async () => {
  const file = await aLockFile()
  const holder = spawn(process.execPath, ['-e', 'process.stdin.resume(); console.log("up")'])
  await once(holder.stdout, 'data')
  const stat = await readFile(`/proc/${holder.pid!}/stat`, 'utf8')
  const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]!
  await writeFile(file, heldBy(holder.pid!, started))
  const events: string[] = []
  const onWait = () => {
    events.push('waited')
    holder.kill('SIGKILL')
  }
  await withLock(file, async () => void events.push('worked'), onWait)
  expect(events).toEqual(['waited', 'worked'])
})

test('a lock of another host is respected while it is fresh', async () => {
  const file = await aLockFile()
  await writeFile(file, heldBy(1, null, 'elsewhere'))
  const events: string[] = []
  const onWait = () => {
    events.push('waited')
    void rm(file)
  }
  await withLock(file, async () => void events.push('worked'), onWait)
  expect(events).toEqual(['waited', 'worked'])
})
