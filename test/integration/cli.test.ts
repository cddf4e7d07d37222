import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { startBaton, startLocalWorkers } from '@baton/cli'
import type { RunningBaton } from '@baton/cli'
import { loadConfig } from '@baton/config'
import { allPages, createClient } from '@baton/contracts'
import type { Client, Lease } from '@baton/contracts'
import { createLog } from '@baton/log'
import { createTestDatabase, freePort } from '@baton/testing'
import type { TestDatabase } from '@baton/testing'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

const main = fileURLToPath(new URL('../../apps/cli/src/main.ts', import.meta.url))
const examples = fileURLToPath(new URL('../../examples', import.meta.url))

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs `baton` as a process, with no more of this one's environment than it needs. */
async function run(args: readonly string[], env: Record<string, string>, cwd = folder): Promise<Ended> {
  const inherited = { PATH: process.env.PATH, HOME: folder, BATON_CACHE: process.env.BATON_CACHE }
  const child = spawn(process.execPath, [main, ...args], { cwd, env: { ...inherited, ...env } })
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ])
  return { code, stdout, stderr }
}

let folder: string
let database: TestDatabase
let baton: RunningBaton
let env: Record<string, string>

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'baton-cli-'))
  // The embedded database's user must get in.
  await chmod(folder, 0o755)
  database = await createTestDatabase()
  env = {
    BATON_DATA: path.join(folder, 'data'),
    BATON_PORT: String(await freePort()),
    DATABASE_URL: database.url,
    // A lease that these tests hold is held, however slow the machine.
    BATON_LEASE_SECONDS: '3600',
  }
  const log = createLog({ app: 'baton', level: 'silent' })
  baton = await startBaton({ config: loadConfig(env), log })
  env = { BATON_DATA: env.BATON_DATA!, BATON_URL: baton.url }
})
afterAll(async () => {
  await baton.close()
  await database.drop()
  await rm(folder, { recursive: true, force: true })
})

const cli = (...args: string[]) => run(args, env)
const json = (ended: Ended): unknown => JSON.parse(ended.stdout)

async function write(name: string, content: string): Promise<string> {
  const file = path.join(folder, name)
  await writeFile(file, content)
  return file
}

const goodSpec = `name: tiny
dataset: shapes
folds: { count: 3 }
model: { name: convnet, width: 4, blocks: 1 }
image: { size: 16 }
stages:
  - name: all
    epochs: 1
    batch: 4
    schedule: { name: constant, lr: 0.01 }
`

describe('before anything', () => {
  test('help names every command, a mistyped one is a usage error', async () => {
    const help = await cli('--help')
    expect(help).toMatchObject({ code: 0, stderr: '' })
    for (const name of ['up', 'doctor', 'dataset', 'run', 'leaderboard', 'worker'])
      expect(help.stdout).toContain(`  ${name}`)
    const mistyped = await cli('leaderbord')
    expect(mistyped.code).toBe(2)
    expect(mistyped.stderr).toContain('Did you mean leaderboard?')
  })

  test.each([
    ['run'],
    ['show', 'first'],
    ['leaderboard', '--limit', '0'],
    ['lb', 'set', '1'],
    ['dataset', 'create', 'x', '--images', 'a'],
    ['dataset', 'create', 'x', '--emoji', '--labels', 'a.csv'],
    ['project', 'create', 'Two Words'],
    ['clone', '1', '--set', 'seed'],
    ['prioritise', '1', '0', '1001'],
    ['sessions', 'list', '--status', 'gone'],
    ['run', 'no-such-spec.yaml'],
  ])('%s %s %s … is a usage error: exit 2, nothing on standard output', async (...args) => {
    expect(await cli(...args)).toMatchObject({ code: 2, stdout: '' })
  })

  test('without Baton the words say where nothing answered and what to do', async () => {
    const address = `http://127.0.0.1:${await freePort()}`
    const ended = await run(['project', 'list'], { ...env, BATON_URL: address })
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain(`nothing answers at ${address}: start Baton with \`baton up\``)
  })

  test('without a token the words say where one would be', async () => {
    const ended = await run(['project', 'list'], { ...env, BATON_DATA: path.join(folder, 'elsewhere') })
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/unauthenticated[^]*BATON_TOKEN is not set, and .*elsewhere\/owner-token/)
  })

  test('a token that is not known is refused, and not shown', async () => {
    const ended = await run(['project', 'list'], { ...env, BATON_TOKEN: 'baton_owner_guessed' })
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain('unauthenticated')
    expect(ended.stderr).not.toContain('guessed')
  })

  test('mistakes in the environment are named at once', async () => {
    const ended = await run(['project', 'list'], { ...env, BATON_URL: 'localhost', BATON_PROJECT: 'A B' })
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/config-invalid[^]*BATON_URL[^]*BATON_PROJECT/)
  })
})

describe('a shell', () => {
  test('completes what the script of `baton completion` asks for', async () => {
    expect((await cli('completion', 'bash')).stdout).toContain('requestComp="baton complete -- ')
    const completed = async (...words: string[]) => {
      const { stdout } = await cli('complete', '--', ...words)
      return stdout.split('\n').flatMap((line) => /^([\w-]+)(?:\t|$)/.exec(line)?.[1] ?? [])
    }
    expect(await completed('leader')).toEqual(['leaderboard'])
    expect(await completed('spec', '')).toEqual(['validate', 'explain', 'help'])
    expect(await completed('run', '--wat')).toEqual(['--watch'])
  })
})

describe('a project', () => {
  test('before there is one, the words say how to make it', async () => {
    const ended = await cli('leaderboard')
    expect(ended.code).toBe(2)
    expect(ended.stderr).toContain('baton project create')
  })

  test('is created once and listed', async () => {
    expect(await cli('project', 'create', 'first', '--name', 'My first')).toMatchObject({
      code: 0,
      stdout: 'created project first\n',
    })
    const again = await cli('project', 'create', 'first')
    expect(again.code).toBe(1)
    expect(again.stderr).toContain('already-exists')
    expect(json(await cli('project', 'list', '--json'))).toMatchObject([{ slug: 'first', name: 'My first' }])
  })

  test('has an empty leaderboard: words for a person, a list for a program', async () => {
    expect(await cli('leaderboard')).toMatchObject({
      code: 0,
      stdout: '',
      stderr: expect.stringContaining('no experiment') as unknown,
    })
    expect(json(await cli('leaderboard', '--json'))).toEqual([])
  })

  test('that is not there is a problem', async () => {
    const ended = await cli('leaderboard', '--project', 'second')
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain('there is no project "second"')
  })
})

describe('a dataset', () => {
  const images = path.join(examples, 'import/images')
  const labels = path.join(examples, 'import/labels.csv')
  const vocabulary = path.join(examples, 'import/vocabulary.yaml')
  const create = (...more: string[]) =>
    cli('dataset', 'create', 'shapes', '--images', images, '--labels', labels, '--vocabulary', vocabulary, ...more)

  test('is imported from a folder, uploaded and registered; again, it is the same version', async () => {
    const first = await create()
    expect(first.code, first.stderr).toBe(0)
    expect(first.stdout).toMatch(/^shapes@1: \d+ train samples?, \d+ test samples?, /)
    expect(first.stderr).toContain('upload 100%')
    expect(json(await create('--json'))).toMatchObject({ dataset: 'shapes', version: 1 })
    expect((await cli('dataset', 'list')).stdout).toContain('shapes@1')
  })

  test('with a label that no vocabulary knows is refused by row, and nothing is registered', async () => {
    const rows = await readFile(labels, 'utf8')
    const wrong = await write('wrong.csv', rows.replace('circle', 'cirkle'))
    const ended = await cli(
      'dataset',
      'create',
      'wrong',
      '--images',
      images,
      '--labels',
      wrong,
      '--vocabulary',
      vocabulary,
    )
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/dataset-input-invalid[^]*wrong\.csv:\d+ .*cirkle/)
    expect((await cli('dataset', 'list')).stdout).not.toContain('wrong')
    // Neither does what it unpacked stay on the disk.
    expect(await readdir(path.join(env.BATON_DATA!, 'tmp'))).toEqual([])
  })

  test('of emoji is drawn, uploaded and registered', async () => {
    const ended = await cli('dataset', 'create', 'emoji', '--emoji', '--limit', '40', '--size', '16', '--json')
    expect(ended.code, ended.stderr).toBe(0)
    expect(json(ended)).toMatchObject({
      dataset: 'emoji',
      version: 1,
      labelGroups: [{ name: 'category' }, { name: 'tag' }],
    })
  })

  test('shows its pictures beside what training makes of them', async () => {
    await write('preview.yaml', goodSpec)
    const ended = await cli('augment', 'preview', 'preview.yaml', '--dataset', '--samples', '2', '--json')
    expect(ended.code, ended.stderr).toBe(0)
    const { file, pictures } = json(ended) as { file: string; pictures: string[] }
    expect(pictures).toHaveLength(2)
    const { format, height } = await sharp(await readFile(path.join(folder, file))).metadata()
    expect({ format, height }).toEqual({ format: 'png', height: 4 + 2 * 100 })
    const missing = await cli('augment', 'preview', 'preview.yaml', '--dataset', '--set', 'dataset=shapes@9')
    expect(missing.stderr).toContain('has no dataset shapes@9')
  })
})

describe('code', () => {
  const bundle = path.join(examples, 'emoji-bundle')

  test('is packed and pushed; the digest alone is on standard output, and is the same the next time', async () => {
    const first = await cli('code', 'push', bundle)
    expect(first.code, first.stderr).toBe(0)
    expect(first.stdout).toMatch(/^[0-9a-f]{64}\n$/)
    expect((await cli('code', 'push', bundle)).stdout).toBe(first.stdout)
    const { items } = await baton.api.listCodeBundles({ params: { project: 'first' }, query: {} })
    expect(items).toMatchObject([{ digest: first.stdout.trim(), files: ['index.mjs'] }])
  })

  test('that cannot be packed is refused by file', async () => {
    const ended = await cli('code', 'push', path.join(folder, 'nowhere'))
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/bundle-invalid[^]*nowhere/)
  })
})

describe('a run', () => {
  const versions = async () =>
    (await baton.api.listExperiments({ params: { project: 'first' }, query: {} })).items.length

  test('of a broken spec names every fault by file, line and column, and starts nothing', async () => {
    const spec = await write(
      'broken.yaml',
      goodSpec
        .replace('count: 3', 'count: 1')
        .replace('lr: 0.01', 'lrr: 0.01')
        .replace('name: convnet', 'name: convnett'),
    )
    const ended = await run(['run', 'broken.yaml'], env)
    expect(ended).toMatchObject({ code: 1, stdout: '' })
    expect(ended.stderr).toMatch(/^problem: The experiment spec is not valid \(spec-invalid\)$/m)
    expect(ended.stderr).toMatch(/broken\.yaml:3:10 +\/folds\/count +must be at least 2, not 1/)
    expect(ended.stderr).toMatch(/broken\.yaml:4:10 +\/model\/name .*did you mean "convnet"\?/)
    expect(ended.stderr).toMatch(/broken\.yaml:10:33 +\/stages\/0\/schedule\/lrr .*did you mean "lr"\?/)
    expect(ended.stderr).toMatch(/^what to do: /m)
    expect(await versions()).toBe(0)
    expect((await run(['run', spec, '--set', 'folds.count=none'], env)).stderr).toContain('--set folds.count')
  })

  test('of what is not YAML, or of a folder of code that is not there, says where', async () => {
    await write('torn.yaml', 'name: [torn\n')
    expect((await run(['run', 'torn.yaml'], env)).stderr).toMatch(/torn\.yaml is not YAML[^]*torn\.yaml:2:1/)
    await write('codeless.yaml', `${goodSpec}code: ./not-there\n`)
    const codeless = await run(['run', 'codeless.yaml'], env)
    expect(codeless.code).toBe(1)
    expect(codeless.stderr).toMatch(/codeless\.yaml:11:1 +\/code +names no folder beside the spec/)
  })

  test('what only the server can know is placed in the file too', async () => {
    await write('unknown.yaml', goodSpec.replace('dataset: shapes', 'dataset: shapes@9'))
    const ended = await run(['run', 'unknown.yaml'], env)
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/unknown\.yaml:2:1 +\/dataset/)
    expect(await versions()).toBe(0)
  })

  test('starts an experiment, packing the folder that `code` names', async () => {
    await mkdir(path.join(folder, 'code'))
    await write('code/index.mjs', 'export const loss = () => null\n')
    await write('good.yaml', `${goodSpec}code: ./code\n`)
    const explained = await cli('spec', 'explain', 'good.yaml', '--provider', 'kaggle', '--images-per-second', '0.001')
    expect(explained.stdout).toMatch(/sessions of \d+ h.* on kaggle: \d+ for a fold, \d+ sessions? for all folds/)
    expect(explained.stdout).toMatch(/disk: .+ of dataset, .+ of checkpoints/)
    const ended = await run(['run', 'good.yaml', '--set', 'seed=7'], env)
    expect(ended.code, ended.stderr).toBe(0)
    expect(ended.stdout).toBe('first #1 queued with 3 folds\n')
    const experiment = await baton.api.getExperiment({ params: { project: 'first', version: 1 } })
    const { items } = await baton.api.listCodeBundles({ params: { project: 'first' }, query: {} })
    expect(experiment).toMatchObject({ status: 'queued', spec: { seed: 7, name: 'tiny' } })
    expect(items.map(({ digest }) => digest)).toContain(experiment.code)
  })

  test('with the same key and spec starts nothing new', async () => {
    const spec = await write('keyed.json', JSON.stringify({ ...(await specOf(1)), name: 'keyed' }))
    const again = () => cli('run', spec, '--idempotency-key', 'once', '--json')
    const [first, second] = [json(await again()), json(await again())]
    expect(second).toEqual(first)
    expect(await versions()).toBe(2)
  })

  const specOf = async (version: number) =>
    (await baton.api.getExperiment({ params: { project: 'first', version } })).spec
})

describe('an experiment', () => {
  test('is listed and shown with its folds', async () => {
    expect((await cli('experiments')).stdout).toMatch(/^ +1 +queued +0 +3 /m)
    const shown = await cli('show', '1')
    expect(shown.stdout).toMatch(/^first #1 {2}tiny {2}queued$/m)
    expect(shown.stdout).toMatch(/^ +2 +ready /m)
    expect((await cli('show', '99')).code).toBe(1)
  })

  let worker: Client
  let lease: Lease | null

  test('shows its log lines, which cannot steer the terminal', async () => {
    ;({ worker, lease } = await aLeasingWorker('fake'))
    const logs = [
      { seq: 1, level: 'info' as const, text: 'epoch 1' },
      { seq: 2, level: 'error' as const, text: 'evil \u001b[2J' },
    ]
    await worker.heartbeat({ params: { fold: lease!.foldId }, body: { fence: lease!.fence, logs } })
    const printed = await cli('logs', String(lease!.version), String(lease!.fold))
    expect(printed.stdout).toMatch(new RegExp(`fold ${lease!.fold}\\.1 {2}epoch 1\n.* {2}error: evil \ufffd\\[2J\n$`))
    expect(
      json(await cli('logs', String(lease!.version), String(lease!.fold), '--json').then(firstLine)),
    ).toMatchObject({ text: 'epoch 1' })
    const texts = async (...args: string[]) =>
      (await cli('logs', String(lease!.version), '--json', ...args)).stdout
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { text: string }).text.slice(0, 7))
    expect(await texts('--grep', 'EPOCH')).toEqual(['epoch 1'])
    expect(await texts('--level', 'warn')).toEqual(['evil \u001b['])
    expect(await texts('--tail', '1')).toEqual(['evil \u001b['])
    expect((await cli('logs', '1', '7')).stderr).toContain('there is no fold 7; the folds are 0, 1, 2')
  })

  test('takes LB scores by hand', async () => {
    expect((await cli('lb', 'set', '1', '--public', '0.61', '--private', '0.6')).stdout).toContain(
      'LB public 0.6100  private 0.6000',
    )
    expect((await cli('lb', 'set', '1', '--private', 'none')).stdout).toContain('LB public 0.6100  private -')
  })

  test('is paused and resumed, again at no harm', async () => {
    for (const [verb, status] of [
      ['pause', 'paused'],
      ['pause', 'paused'],
      ['resume', 'running'],
      ['resume', 'running'],
    ] as const)
      expect((await cli(verb, '1')).stdout).toBe(`first #1 is ${status}\n`)
    expect(json(await cli('pause', '2', '--json'))).toMatchObject({ version: 2, status: 'paused' })
    expect((await cli('experiments', '--where', 'status = paused', '--columns', 'version')).stdout).toBe(
      'version\n      2\n',
    )
    expect((await cli('resume', '2')).stdout).toBe('first #2 is queued\n')
  })

  test('is cloned with changes, as `run` takes them, and run again; both say where they are from', async () => {
    const cloned = await cli('clone', '1', '--set', 'stages.0.epochs=2', '--set', 'name=longer')
    expect([cloned.code, cloned.stdout]).toEqual([0, 'first #3 queued with 3 folds\n'])
    const params = (version: number) => ({ params: { project: 'first', version } })
    const [first, third] = [await baton.api.getExperiment(params(1)), await baton.api.getExperiment(params(3))]
    expect(third).toMatchObject({ name: 'longer', parent: 1, code: first.code })
    expect(third.spec).toEqual({ ...first.spec, name: 'longer', stages: [{ ...first.spec.stages[0], epochs: 2 }] })
    expect((await cli('show', '3')).stdout).toContain('\nfrom the spec of #1\n')

    const again = () => cli('rerun', '3', '--idempotency-key', 'again', '--json').then(json)
    const rerun = await again()
    expect(rerun).toMatchObject({ version: 4, parent: 3, specDigest: third.specDigest })
    expect(await again()).toEqual(rerun)
    const refused = await cli('clone', '1', '--set', 'folds.count=1')
    expect([refused.code, refused.stdout]).toEqual([1, ''])
    expect(refused.stderr).toContain('/folds/count')
    await writeFile(path.join(folder, 'fine.yaml'), 'name: fine\nepochs: 1\nschedule: { name: constant, lr: 0.001 }\n')
    const [name] = first.spec.stages.map((stage) => stage.name)
    const extended = await cli('clone', '1', '--set', `stages.${name}.epochs=3`, '--add-stage', 'fine.yaml', '--json')
    expect(json(extended)).toMatchObject({
      version: 5,
      spec: {
        stages: [
          { ...first.spec.stages[0], epochs: 3 },
          { name: 'fine', train: 'all', epochs: 1 },
        ],
      },
    })
    for (const version of [3, 4, 5]) await baton.api.cancelExperiment(params(version))
  })

  test('has folds that are prioritised and retried, in pools that say what waits', async () => {
    expect((await cli('prioritise', '2', '1', '7')).stdout).toBe('fold 1 of first #2 has priority 7\n')
    const refused = await cli('retry', '2', '1')
    expect([refused.code, refused.stdout]).toEqual([1, ''])
    expect(refused.stderr).toContain('only a failed fold is retried: this one is ready')
    expect((await cli('retry', '2', '9')).stderr).toContain('there is no fold 9; the folds are 0, 1, 2')
    expect((await cli('pools')).stdout).toMatch(/^default +5 +0 +1 +0 +1 +20/m)
  })

  test('that is cancelled while it is watched ends the watching with its events and exit 3', async () => {
    const watching = cli('show', '1', '--watch')
    expect((await cli('cancel', '1')).stdout).toBe('first #1 is cancelled\n')
    const ended = await watching
    expect(ended.code).toBe(3)
    expect(ended.stdout).toMatch(/created with 3 folds\n[^]*cancelled\n[^]*first #1 {2}tiny {2}cancelled/)
  })

  test('has its log followed to the last line of the last fold', async () => {
    const [params, { fence }] = [{ fold: lease!.foldId }, lease!]
    const following = cli('logs', '1', '--follow', '--tail', '1', '--json')
    const logs = [{ seq: 3, level: 'info' as const, text: 'the last line' }]
    await worker.heartbeat({ params, body: { fence, logs } })
    await worker.handOverFold({ params, body: { fence, step: 0 } })
    const lines = (await following).stdout.trim().split('\n')
    expect(lines.map((line) => (JSON.parse(line) as { text: string }).text).at(-1)).toBe('the last line')
  })

  test('goes on elsewhere when the session that trains it is stopped', async () => {
    const { foldId } = (await aLeasingWorker('other')).lease!
    const [other] = json(await cli('sessions', 'list', '--status', 'active', '--json')) as { id: string }[]
    expect((await cli('sessions', 'show', 'other')).stdout).toContain(foldId)
    expect(json(await cli('sessions', 'drain', other!.id, '--json'))).toMatchObject({ status: 'draining' })
    expect(json(await cli('sessions', 'stop', 'other', '--json'))).toMatchObject({ status: 'ended', foldId: null })
    const fold = await baton.api.getFold({ params: { fold: foldId } })
    expect(fold).toMatchObject({ status: 'ready', attempts: 1 })
    expect(await baton.api.getAttempt({ params: { fold: fold.id, attempt: 1 } })).toMatchObject({ status: 'stopped' })
    expect((await cli('sessions', 'stop', 'other')).stderr).toContain('there is no session "other"')
  })

  /** A worker of a session of that name, with what it leased. */
  async function aLeasingWorker(name: string) {
    const { token } = await baton.api.createEnrolment({ body: {} })
    const enrolling = createClient({ url: baton.url, token })
    const session = await enrolling.registerSession({ body: { name, provider: 'local' } })
    const worker = createClient({ url: baton.url, token: session.token })
    const { lease } = await worker.acquireLease({ params: { session: session.id }, body: { waitSeconds: 20 } })
    return { worker, lease }
  }

  const firstLine = (ended: Ended): Ended => ({ ...ended, stdout: ended.stdout.split('\n')[0]! })

  test('with a matrix starts all of its experiments and compares them', async () => {
    await write('matrix.yaml', `${goodSpec}matrix: { seed: [1, 2], stages.all.epochs: [1, 2] }\n`)
    expect((await cli('spec', 'validate', 'matrix.yaml')).stdout).toBe('matrix.yaml is valid: 4 experiments\n')
    const ended = await cli('run', 'matrix.yaml')
    expect([ended.code, ended.stdout]).toEqual([
      0,
      'first #6 to #9 queued: 4 experiments\n' +
        '  #6  seed=1, epochs=1\n  #7  seed=1, epochs=2\n  #8  seed=2, epochs=1\n  #9  seed=2, epochs=2\n',
    ])
    const compared = await cli('matrix', '7', '--baseline', '9')
    expect(compared.stdout).toContain('warning: #6: folds are not comparable: seed 2 on the left, 1 on the right\n')
    expect(compared.stdout).toMatch(/^#9 +seed=2, epochs=2 +queued +0\/3 +- +baseline/m)
    expect((await cli('run', 'matrix.yaml', '--watch')).code).toBe(2)
    expect((await cli('matrices')).stdout).toMatch(/^#6 to #9 +tiny +4 +0 +4 +- /m)
    const lines = (status: string) => [6, 7, 8, 9].map((version) => `first #${version} is ${status}\n`).join('')
    expect((await cli('pause', '7', '--matrix')).stdout).toBe(lines('paused'))
    expect((await cli('resume', '7', '--matrix')).stdout).toBe(lines('queued'))
  })
})

describe('around it', () => {
  test('enrol prints a command with a token that registers one session, once', async () => {
    const { command, token, url } = json(await cli('enrol', '--json')) as Record<string, string>
    expect(command).toBe(`BATON_URL=${url} BATON_ENROLMENT_TOKEN=${token} baton worker`)
    const register = () =>
      createClient({ url: baton.url, token: token! }).registerSession({ body: { name: 'one', provider: 'local' } })
    await register()
    await expect(register()).rejects.toMatchObject({ code: 'unauthenticated' })
  })

  test('enrol --project binds the session to that project', async () => {
    const { token } = json(await cli('enrol', '--project', 'first', '--json')) as { token: string }
    await createClient({ url: baton.url, token }).registerSession({ body: { name: 'bound', provider: 'local' } })
    const { items } = await baton.api.listSessions({ query: {} })
    expect(items.find(({ name }) => name === 'bound')).toMatchObject({ project: 'first' })
    expect(await cli('enrol', '--project', 'nothing')).toMatchObject({ code: 1, stdout: '' })
  })

  test('a token is made, named, rotated and revoked; only its secret stands on standard output', async () => {
    const made = await cli('token', 'create', 'ci', '--role', 'viewer', '--project', 'first')
    expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^baton_viewer_[\w-]{43}\n$/) as string })
    const asCi = (ended: Ended, ...args: string[]) => run(args, { ...env, BATON_TOKEN: ended.stdout.trim() })
    expect((await asCi(made, 'project', 'list')).stdout).toMatch(/^project.*\nfirst .*\n$/)
    const refused = await asCi(made, 'token', 'list')
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toContain('this needs a token of role owner')
    expect((await cli('token', 'show', 'ci')).stdout).toMatch(/^name +ci$[^]*^project +first$/m)

    const rotated = await cli('token', 'rotate', 'ci')
    expect((await asCi(made, 'project', 'list')).code).toBe(1)
    expect((await asCi(rotated, 'project', 'list')).code).toBe(0)
    expect((await cli('token', 'revoke', 'ci')).stdout).toBe('revoked ci\n')
    expect((await asCi(rotated, 'project', 'list')).code).toBe(1)
    const again = await cli('token', 'revoke', 'ci')
    expect(again).toMatchObject({ code: 2, stdout: '' })
    expect(again.stderr).toContain('no token is called "ci"; `baton token list` shows those there are')
    const named = json(await cli('token', 'list', '--ended', '--json')) as { name: string; revokedAt: string | null }[]
    expect(named.find(({ name }) => name === 'ci')?.revokedAt).not.toBeNull()
  })

  test('two tokens of one name are told apart by their ids', async () => {
    for (let i = 0; i < 2; i++) await cli('token', 'create', 'twin', '--role', 'viewer')
    const ended = await cli('token', 'revoke', 'twin')
    expect(ended.code).toBe(2)
    const [id] = /[0-9a-f-]{36}/.exec(ended.stderr)!
    expect((await cli('token', 'revoke', id, '--json')).code).toBe(0)
    expect((await cli('token', 'revoke', 'twin')).code).toBe(0)
  })

  test('audit shows who changed what, also what was refused', async () => {
    const rows = json(await cli('audit', '--json')) as { token: string; route: string; outcome: string }[]
    const of = (route: string) => rows.filter((row) => row.route === route).map(({ outcome }) => outcome)
    expect(of('rotateToken')).toEqual(['done'])
    expect(of('createEnrolment')).toContain('not-found')
    expect((await cli('audit', '--until', '2020-01-01T00:00:00Z')).stderr).toContain('nobody changed anything')
    expect((await cli('audit', '--since', 'yesterday')).code).toBe(1)
  })

  test('telegram pair prints a one-use code', async () => {
    expect((await cli('telegram', 'pair')).stdout).toMatch(/^\/start [\w-]{16,}\n$/)
  })

  test('doctor looks at everything and says what fails, with what to do', async () => {
    const healthy = await cli('doctor', '--json')
    const findings = json(healthy) as { check: string; status: string }[]
    expect(findings.filter(({ status }) => status === 'fail')).toEqual([])
    expect(healthy.code).toBe(0)
    const checks = [
      'Node',
      'data folder',
      'TensorFlow',
      'sharp',
      'PostgreSQL',
      'queue',
      'storage',
      'API',
      'Telegram',
      'Kaggle',
    ]
    expect(findings.map(({ check }) => check)).toEqual(checks)

    const wrong = { DATABASE_URL: 'postgresql://u:hush@127.0.0.1:1/none', REDIS_URL: 'redis://127.0.0.1:1' }
    const sick = await run(['doctor'], { ...env, ...wrong })
    expect(sick.code).toBe(1)
    expect(sick.stdout).toMatch(/^fail +PostgreSQL .* - Start it, or correct DATABASE_URL\.$/m)
    expect(sick.stdout).toMatch(/^fail +queue .* - Start Redis/m)
    expect(sick.stdout).not.toContain('hush')
  })
})

describe('baton up', () => {
  /** Starts it, and waits for the line that says it runs. */
  async function start(upEnv: Record<string, string>) {
    const inherited = { PATH: process.env.PATH, HOME: folder }
    const child = spawn(process.execPath, [main, 'up', '--json'], { cwd: folder, env: { ...inherited, ...upEnv } })
    const log = text(child.stderr)
    const ended = once(child, 'exit') as Promise<[number | null]>
    const early = ended.then(async ([code]) => Promise.reject(new Error(`ended with ${code}\n${await log}`)))
    const [line] = (await Promise.race([once(child.stdout, 'data'), early])) as [Buffer]
    early.catch(() => undefined)
    const stop = async () => {
      child.kill('SIGTERM')
      return { code: (await ended)[0], log: await log }
    }
    return { said: JSON.parse(line.toString()) as unknown, stop }
  }

  test('runs until it is told to end, keeps its token to its user, and finds its data again', async () => {
    const upEnv = { BATON_DATA: path.join(folder, 'up'), BATON_PORT: String(await freePort()) }
    const client = { BATON_DATA: upEnv.BATON_DATA, BATON_URL: `http://127.0.0.1:${upEnv.BATON_PORT}` }
    const first = await start(upEnv)
    expect(first.said).toMatchObject({ url: client.BATON_URL, dataDir: upEnv.BATON_DATA })
    expect((await stat(path.join(upEnv.BATON_DATA, 'owner-token'))).mode & 0o777).toBe(0o600)
    expect(await run(['project', 'create', 'kept'], client)).toMatchObject({ code: 0 })
    const { code, log } = await first.stop()
    expect(code, log).toBe(0)
    expect(log).not.toMatch(/"level":"(warn|error)"/)

    const second = await start(upEnv)
    expect((await run(['project', 'list'], client)).stdout).toContain('kept')
    expect((await second.stop()).code).toBe(0)
  })

  test('that cannot start says why and leaves nothing running', async () => {
    const upEnv = { BATON_DATA: path.join(folder, 'up-taken'), BATON_PORT: new URL(baton.url).port }
    const ended = await run(['up'], upEnv)
    expect(ended).toMatchObject({ code: 1, stdout: '' })
    expect(ended.stderr).toMatch(/config-invalid[^]*BATON_PORT +is taken/)
    expect((await readdir(path.join(folder, 'up-taken'))).includes('postgres')).toBe(true)
    await expect(readFile(path.join(folder, 'up-taken/postgres/postmaster.pid'))).rejects.toMatchObject({
      code: 'ENOENT',
    })
  })
})

describe('local workers', () => {
  test('are sessions of their own without any other credential, and one that is killed is followed by the next', async () => {
    const secrets = { DATABASE_URL: 'hush-database', BATON_TOKEN: 'hush-token', S3_SECRET_ACCESS_KEY: 'hush-s3' }
    const cache = process.env.BATON_CACHE ?? path.join(os.homedir(), '.cache/baton')
    const workers = startLocalWorkers({
      count: 1,
      url: baton.url,
      api: baton.api,
      log: createLog({ app: 'baton', level: 'silent' }),
      onLine: () => undefined,
      env: { ...process.env, ...secrets, BATON_CACHE: cache },
    })
    const sessions = async () => (await allPages(baton.api.listSessions, {})).filter(({ name }) => name === 'local-1')
    const untilThereAre = (wanted: number) =>
      vi.waitFor(async () => expect(await sessions()).toHaveLength(wanted), { timeout: 100_000, interval: 200 })
    try {
      await untilThereAre(1)
      const worker = workers.processes.get(1)!
      if (process.platform === 'linux')
        expect(await readFile(`/proc/${worker.pid}/environ`, 'utf8')).not.toContain('hush')
      worker.kill('SIGKILL')
      await untilThereAre(2)
    } finally {
      await workers.close()
    }
    expect(workers.processes.size).toBe(0)
    // The one that was not killed said goodbye.
    expect((await sessions()).map(({ status }) => status)).toContain('ended')
  })
})
