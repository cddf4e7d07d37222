import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { startBaton, startLocalWorkers } from '@baton/cli'
import type { RunningBaton } from '@baton/cli'
import { loadConfig } from '@baton/config'
import { isFinal, parseSpec } from '@baton/contracts'
import type { Experiment } from '@baton/contracts'
import { createLog } from '@baton/log'
import { prepareTensorflow } from '@baton/tensorflow'
import { freePort } from '@baton/testing'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'

const main = fileURLToPath(new URL('../../apps/cli/src/main.ts', import.meta.url))
const project = 'emoji'
const log = createLog({ app: 'baton', level: 'silent' })

let folder: string
beforeAll(async () => {
  // Fetching it may take minutes, the first time on a machine.
  await prepareTensorflow()
  folder = await mkdtemp(path.join(os.tmpdir(), 'baton-backup-e2e-'))
  // The embedded database's user must get in.
  await chmod(folder, 0o755)
}, 600_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A machine of its own: a data folder with an embedded database and store. */
async function aMachine(name: string) {
  const port = String(await freePort())
  const env = {
    BATON_DATA: path.join(folder, name),
    BATON_PORT: port,
    BATON_URL: `http://127.0.0.1:${port}`,
    BATON_LEASE_SECONDS: '3',
    BATON_HEARTBEAT_SECONDS: '1',
  }
  return {
    env,
    start: async () => {
      const baton = await startBaton({ config: loadConfig(env), log, durability: 'none' })
      const workers = startLocalWorkers({
        count: 1,
        url: baton.url,
        api: baton.api,
        log,
        onLine: () => undefined,
        env: { ...process.env, BATON_THREADS: '1' },
      })
      let ended: Promise<void> | undefined
      const close = () => (ended ??= workers.close().then(() => baton.close()))
      onTestFinished(close)
      return { baton, workers, close }
    },
    /** Starts `baton` as a process on this machine. */
    cli: (...args: string[]) =>
      spawn(process.execPath, [main, ...args], { env: { PATH: process.env.PATH, HOME: folder, ...env } }),
  }
}

async function endOf(child: ReturnType<typeof spawn>) {
  const [stderr, [code]] = await Promise.all([text(child.stderr!), once(child, 'exit') as Promise<[number | null]>])
  return { code, stderr }
}

/** Long enough that a quick machine, too, is in the middle of it while it is backed up. */
const spec = parseSpec({
  name: 'the same again',
  dataset: 'emoji',
  folds: { count: 2, only: [0] },
  model: { name: 'convnet', width: 4, blocks: 1 },
  image: { size: 16 },
  stages: [{ name: 'all', epochs: 300, batch: 4, schedule: { name: 'constant', lr: 0.003 } }],
  checkpoint: { everySeconds: 1 },
})

async function get(baton: RunningBaton, version: number): Promise<Experiment> {
  return baton.api.getExperiment({ params: { project, version } })
}

async function completed(baton: RunningBaton, version: number): Promise<Experiment> {
  return vi.waitFor(
    async () => {
      const experiment = await get(baton, version)
      if (!isFinal(experiment.status)) throw new Error(`experiment ${version} is ${experiment.status}`)
      expect(experiment.status).toBe('completed')
      return experiment
    },
    { timeout: 200_000, interval: 300 },
  )
}

test('a Baton in the middle of a training is backed up, restored elsewhere, and trains on to the same bytes', async () => {
  const here = await aMachine('here')
  const { baton, close } = await here.start()
  await baton.api.createProject({ body: { slug: project, name: 'Emoji' } })
  const create = here.cli(
    ...['dataset', 'create', 'emoji', '--project', project, '--emoji', '--limit', '120', '--size', '16'],
    ...['--json'],
  )
  create.stdout.resume()
  expect(await endOf(create)).toMatchObject({ code: 0 })
  const whole = await baton.api.createExperiment({ params: { project }, body: spec })
  const reference = await completed(baton, whole.version)
  const again = await baton.api.createExperiment({ params: { project }, body: spec })
  await vi.waitFor(async () => expect((await get(baton, again.version)).folds[0]!.checkpointStep).toBeGreaterThan(0), {
    timeout: 100_000,
    interval: 50,
  })

  // Others write on while it is read.
  let writing = true
  const write = async () => {
    for (let i = 0; writing; i++) await baton.api.createProject({ body: { slug: `p-${i}`, name: 'Meanwhile' } })
  }
  const writer = write()
  const archive = path.join(folder, 'baton.tar')
  const backup = here.cli('backup', '-')
  const [saved] = await Promise.all([endOf(backup), pipeline(backup.stdout, createWriteStream(archive))])
  writing = false
  await writer
  expect(saved).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/objects 100% .*\n-: \d+ rows, \d+ objects/) as string,
  })
  const atBackup = await get(baton, again.version)
  expect(atBackup.status).toBe('running')
  await close()

  const there = await aMachine('there')
  const restore = there.cli('restore', '-', '--json')
  const [restored, output] = await Promise.all([
    endOf(restore),
    text(restore.stdout),
    pipeline(createReadStream(archive), restore.stdin),
  ])
  expect(restored.code, restored.stderr).toBe(0)
  expect(JSON.parse(output)).toMatchObject({ interruptedFolds: 1, missing: [] })
  expect(await readdir(path.join(folder, 'there', 'tmp'))).toEqual([])

  const second = await there.start()
  expect((await get(second.baton, whole.version)).cv).toBe(reference.cv)
  const finished = await completed(second.baton, again.version)
  const [fold] = finished.folds
  expect(fold!.attempts).toBeGreaterThan(1)
  expect(fold!.weights).toBe(reference.folds[0]!.weights)
  expect(finished.cv).toBe(reference.cv)
  const { items } = await second.baton.api.listAttempts({ params: { fold: fold!.id }, query: {} })
  expect(items.map(({ status, startStep }) => [status, startStep > 0])).toEqual([
    ['lost', false],
    ['completed', true],
  ])
  // The owner's token of the old machine is known to the new one.
  const response = await fetch(`${second.baton.url}/v1/projects`, {
    headers: { authorization: `Bearer ${baton.ownerToken.reveal()}` },
  })
  expect(response.status).toBe(200)
}, 600_000)

test('a restore is refused while Baton runs there, and an empty folder is no backup', async () => {
  const machine = await aMachine('running')
  await machine.start()
  const saved = path.join(folder, 'saved')
  const backup = machine.cli('backup', saved)
  backup.stdout.resume()
  expect(await endOf(backup)).toMatchObject({ code: 0 })
  const onto = machine.cli('restore', saved, '--force')
  onto.stdout.resume()
  expect(await endOf(onto)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('end it and try again') as string,
  })
  const nothing = machine.cli('restore', path.join(folder, 'running'), '--verify')
  nothing.stdout.resume()
  expect(await endOf(nothing)).toMatchObject({ code: 1, stderr: expect.stringContaining('backup-invalid') as string })
  const verify = machine.cli('restore', saved, '--verify')
  const [verified, said] = await Promise.all([endOf(verify), text(verify.stdout)])
  expect(verified.code).toBe(0)
  expect(said).toContain('is whole')
}, 200_000)
