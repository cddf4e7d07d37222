import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { startBaton } from '@baton/cli'
import type { RunningBaton } from '@baton/cli'
import { loadConfig } from '@baton/config'
import { createClient } from '@baton/contracts'
import type { Artifact, Blob, Client, ExperimentArtifact, Lease, ProviderProfile, Submission } from '@baton/contracts'
import { createLog } from '@baton/log'
import { decode, encode } from '@baton/safetensors'
import { aCheckpoint, aManifest, aResult, aSpec, createTestDatabase, freePort } from '@baton/testing'
import type { TestDatabase } from '@baton/testing'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

const main = fileURLToPath(new URL('../../apps/cli/src/main.ts', import.meta.url))
const project = 'emoji'

let folder: string
let database: TestDatabase
let baton: RunningBaton
let env: Record<string, string>
let session: Client
let acquire: () => Promise<Lease>

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'baton-records-'))
  // The embedded database's user must get in.
  await chmod(folder, 0o755)
  database = await createTestDatabase()
  env = { BATON_DATA: path.join(folder, 'data'), BATON_PORT: String(await freePort()), DATABASE_URL: database.url }
  baton = await startBaton({ config: loadConfig(env), log: createLog({ app: 'baton', level: 'silent' }) })
  env = { BATON_DATA: env.BATON_DATA!, BATON_URL: baton.url }
  await experimentsThatCompleted()
})
afterAll(async () => {
  await baton.close()
  await database.drop()
  await rm(folder, { recursive: true, force: true })
})

async function cli(...args: string[]) {
  const inherited = { PATH: process.env.PATH, HOME: folder }
  const child = spawn(process.execPath, [main, ...args], { cwd: folder, env: { ...inherited, ...env } })
  const exited = once(child, 'exit') as Promise<[number | null]>
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), exited])
  return { stdout, stderr, code }
}
const json = async (...args: string[]) => {
  const ended = await cli(...args, '--json')
  expect(ended.code, ended.stderr).toBe(0)
  return JSON.parse(ended.stdout) as unknown
}

/** Stores an object as the CLI does. */
async function write(bytes: Uint8Array): Promise<Blob> {
  const blob = { digest: createHash('sha256').update(bytes).digest('hex'), sizeBytes: bytes.byteLength }
  const { items } = await baton.api.createUploads({ params: { project }, body: { blobs: [blob] } })
  const put = items[0]!.put
  if (put) await fetch(put.url, { method: 'PUT', headers: put.headers, body: Buffer.from(bytes) })
  return blob
}

const someWeights = new Map([['block0/conv/kernel', { shape: [1, 1, 2, 1], data: Float32Array.of(1, 2) }]])

/** Two experiments whose folds were trained by a session that knew the answers; the coordinator assembles them. */
async function experimentsThatCompleted(): Promise<void> {
  const { api, url } = baton
  await api.createProject({ body: { slug: project, name: 'Emoji' } })
  const manifest = await aManifest({ write })
  const { digest } = await write(new TextEncoder().encode(JSON.stringify(manifest)))
  await api.createDatasetVersion({ params: { project }, body: { name: 'emoji', manifest: digest } })
  for (const seconds of [1, 2]) {
    const body = aSpec({ name: `test ${seconds}`, checkpoint: { everySeconds: seconds } })
    await api.createExperiment({ params: { project }, body })
  }
  const { token } = await api.createEnrolment({ body: {} })
  const registered = await createClient({ url, token }).registerSession({ body: { name: 'one', provider: 'local' } })
  session = createClient({ url, token: registered.token })
  acquire = async () => {
    const params = { session: registered.id }
    return (await session.acquireLease({ params, body: { waitSeconds: 30 } })).lease!
  }
  for (let fold = 0; fold < 4; fold++) {
    const lease = await acquire()
    const made = await aResult({ manifest, blobs: { write } }, lease)
    // Of a layer of the model that the spec asks for.
    const result = fold === 0 ? made : { ...made, weights: await write(encode(someWeights)) }
    await session.completeFold({ params: { fold: lease.foldId }, body: { fence: lease.fence, step: 9, result } })
  }
  await vi.waitFor(
    async () => {
      for (const version of [1, 2])
        expect(await api.getExperiment({ params: { project, version } })).toMatchObject({ status: 'completed' })
    },
    { timeout: 100_000, interval: 200 },
  )
}

describe('submit', () => {
  test('makes a file through the coordinator and downloads what its digest says', async () => {
    const ended = await cli('submit', '1', '--out', 'out/submission.csv')
    expect(ended.code, ended.stderr).toBe(0)
    expect(ended.stdout).toMatch(/^submission 1 of emoji #1: 4 rows, \d+ B, in out\/submission\.csv\n$/)
    expect(ended.stderr).toContain('download 100%')
    const bytes = await readFile(path.join(folder, 'out/submission.csv'))
    const submission = await baton.api.getSubmission({ params: { project, number: 1 } })
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(submission.file!.digest)
    expect(bytes.toString()).toMatch(/^id,labels\ns20,/)
    expect(await readdir(path.join(folder, 'out'))).toEqual(['submission.csv'])
  })

  test('takes columns, form and thresholds, and refuses what is none by name', async () => {
    const options = ['--id-column', 'image', '--labels-column', 'ids', '--labels', 'index', '--threshold', 'tag=0.2']
    expect(await json('submit', '1', ...options)).toMatchObject({
      number: 2,
      options: {
        idColumn: 'image',
        labelsColumn: 'ids',
        labelForm: 'index',
        thresholds: { tag: 0.2 },
        as: null,
        template: null,
      },
      thresholds: { tag: 0.2 },
    })
    expect((await cli('submit', '1', '--threshold', 'tag=2')).code).toBe(2)
    const unknown = await cli('submit', '1', '--threshold', 'tagg=0.2')
    expect(unknown.code).toBe(1)
    expect(unknown.stderr).toMatch(/\/thresholds\/tagg +names no label group/)
  })

  test('is listed, scored and downloaded by number; the best public score is the LB', async () => {
    expect((await cli('submission', 'score', '2')).code).toBe(2)
    const scored = await cli('submission', 'score', '2', '--public', '0.61', '--private', '0.6')
    expect(scored).toMatchObject({ code: 0, stdout: 'submission 2: LB public 0.6100  private 0.6000\n' })
    expect((await cli('show', '1')).stdout).toContain('LB public 0.6100  private 0.6000')
    const listed = (await json('submissions', '1')) as Submission[]
    expect(listed.map(({ number, lbPublic }) => [number, lbPublic])).toEqual([
      [2, 0.61],
      [1, null],
    ])
    expect((await cli('submissions')).stdout).toMatch(/^ +2 +1 +ready +0\.6100 +0\.6000 +4 /m)
    expect((await cli('submission', 'download', '2', '--out', 'two.csv')).stdout).toBe('two.csv\n')
    expect(await readFile(path.join(folder, 'two.csv'), 'utf8')).toMatch(/^image,ids\n/)
    const byHand = await cli('lb', 'set', '1', '--public', '0.9')
    expect(byHand.code).toBe(1)
    expect(byHand.stderr).toContain('score the submission instead')
  })

  test('is written as a sample submission has it', async () => {
    await writeFile(path.join(folder, 'sample.csv'), 'image,attribute_ids\ns22,0 1\ns21,\n')
    const ended = await cli('submission', 'write', '1', '--template', 'sample.csv', '--out', 'out/written.csv')
    expect(ended.code, ended.stderr).toBe(0)
    const written = await readFile(path.join(folder, 'out/written.csv'), 'utf8')
    expect(written).toMatch(/^image,attribute_ids\ns22,[\d ]+\ns21,[\d ]+\n$/)
    expect((await cli('submission', 'write', '1', '--template', 'missing.csv')).stderr).toMatch(
      /missing\.csv cannot be read/,
    )
  })
})

describe('ensemble', () => {
  test('is made by the coordinator, watched to its end and shown with what it was made of', async () => {
    const ended = await cli('ensemble', '1', '2', '--blend', 'weighted', '--name', 'both')
    expect(ended.code, ended.stderr).toBe(0)
    expect(ended.stdout).toMatch(/^emoji #3: ensemble of #1, #2\n/)
    expect(ended.stdout).toMatch(/^emoji #3 {2}both {2}completed\nensemble, weighted: #1 × 1\.00, #2 × 0\.00$/m)
    expect(ended.stdout).toMatch(/^CV 1\.0000 \[1\.0000, 1\.0000\] \(folds 1\.0000 ± 0\.0000\)/m)
    expect(ended.stdout).toMatch(/^OOF F2 samples 1\.0000, micro 1\.0000, macro 1\.0000 {2}mAP /m)
    expect((await cli('leaderboard', '--columns', 'version,model')).stdout).toMatch(/^ +\d +3 +ensemble/m)
  })

  test('of an experiment alone, or twice of one, is refused', async () => {
    expect((await cli('ensemble', '1')).stderr).toMatch(/members/)
    expect((await cli('ensemble', '1', '1')).stderr).toMatch(/#1 is listed twice/)
  })
})

describe('export', () => {
  test('writes the weights of a completed fold, and says where', async () => {
    const ended = await cli('export', '1', '--fold', '1')
    expect(ended).toMatchObject({ code: 0, stdout: 'emoji-1-fold-1/model.safetensors\n' })
    const bytes = await readFile(path.join(folder, 'emoji-1-fold-1/model.safetensors'))
    expect(decode(bytes).tensors).toEqual(someWeights)
  })

  test('says which fold has left no weights, what of them cannot be read, and which formats there are', async () => {
    expect((await cli('export', '1', '--fold', '7')).stderr).toContain('fold 7 of emoji #1 has left no weights')
    expect((await cli('export', '1', '--fold', '0')).stderr).toContain('the file of weights cannot be read')
    const unknown = await cli('export', '1', '--fold', '0', '--format', 'onnx')
    expect(unknown.code).toBe(2)
    expect(unknown.stderr).toContain('safetensors, saved-model, tfjs')
  })
})

describe('artifacts', () => {
  test('are listed, and downloaded as files that their digests vouch for; those that are right already stay', async () => {
    const items = (await json('artifacts', '1')) as ExperimentArtifact[]
    expect((await cli('artifacts', '1')).stdout).toMatch(/^fold-0-weights\.safetensors +weights +0 /m)
    const ended = await cli('artifacts', '1', '--download', 'all')
    expect(ended.stdout).toBe(`${items.length} files in all\n`)
    const at = (name: string) => path.join(folder, 'all', name)
    for (const { name, digest } of items)
      expect(
        createHash('sha256')
          .update(await readFile(at(name)))
          .digest('hex'),
      ).toBe(digest)

    const [damaged, right] = [at(items[0]!.name), at(items[1]!.name)]
    await writeFile(damaged, 'other bytes')
    await utimes(right, 1, 1)
    expect((await cli('artifacts', '1', '--download', 'all')).code).toBe(0)
    expect(
      createHash('sha256')
        .update(await readFile(damaged))
        .digest('hex'),
    ).toBe(items[0]!.digest)
    expect((await stat(right)).mtimeMs).toBe(1000)
  })

  test('of your own are pushed, by their name or another; a TensorFlow.js model as its weights', async () => {
    await writeFile(
      path.join(folder, 'own.safetensors'),
      encode(new Map([['w', { shape: [1], data: Float32Array.of(7) }]])),
    )
    const kept = (await json('artifacts', 'push', 'own.safetensors', '--note', 'seven')) as Artifact
    const bytes = await readFile(path.join(folder, 'own.safetensors'))
    const digest = createHash('sha256').update(bytes).digest('hex')
    expect(kept).toMatchObject({
      name: 'own.safetensors',
      kind: 'weights',
      note: 'seven',
      digest,
      sizeBytes: bytes.length,
    })
    const again = await cli('artifacts', 'push', 'own.safetensors')
    expect([again.code, again.stderr]).toEqual([
      1,
      expect.stringContaining('keeps an artifact "own.safetensors" already'),
    ])

    const weightsManifest = [{ paths: ['w.bin'], weights: [{ name: 'w', shape: [1], dtype: 'float32' }] }]
    await writeFile(path.join(folder, 'model.json'), JSON.stringify({ weightsManifest }))
    await writeFile(path.join(folder, 'w.bin'), new Uint8Array(Float32Array.of(7).buffer))
    const layers = await cli('artifacts', 'push', 'model.json', '--name', 'layers')
    expect([layers.code, layers.stdout]).toEqual([0, `${digest}\n`])
    await expect(cli('artifacts', 'push', 'gone')).resolves.toMatchObject({ code: 1 })
  })

  test('and checkpoints are not there before any was left: words for a person, a list for a program', async () => {
    const { version } = await baton.api.createExperiment({ params: { project }, body: aSpec() })
    expect(await json('artifacts', String(version))).toEqual([])
    expect((await cli('checkpoints', String(version), '0')).stderr).toContain('has no checkpoint')
    expect(await json('checkpoints', String(version), '0')).toEqual([])
    expect((await cli('checkpoints', String(version), '7')).stderr).toContain('there is no fold 7')
  })
})

test("a fold's checkpoints are listed, newest first", async () => {
  const lease = await acquire()
  for (const step of [5, 9]) {
    const manifest = await aCheckpoint({ blobs: { write } }, lease, step)
    await session.recordCheckpoint({ params: { fold: lease.foldId }, body: { fence: lease.fence, manifest } })
  }
  const at = [String(lease.version), String(lease.fold)]
  expect((await cli('checkpoints', ...at)).stdout).toMatch(/^ +9 +next +1 [^]*^ +5 +1 /m)
  expect(await json('checkpoints', ...at)).toMatchObject([
    { step: 9, isNewest: true },
    { step: 5, isNewest: false },
  ])
})

test('providers are listed, shown with their source, and corrected one fact at a time', async () => {
  expect((await cli('providers', 'list')).stdout).toMatch(/^kaggle +12 h +- +30 h +2 +NvidiaTeslaT4, TpuV5E8$/m)
  const before = (await json('providers', 'show', 'colab')) as ProviderProfile
  const shown = await cli('providers', 'set', 'colab', '--session-seconds', '86400', '--idle-seconds', 'none')
  expect(shown.stdout).toMatch(/^session +24 h\nidle +no rule$/m)
  const { updatedAt: _, ...after } = (await json('providers', 'show', 'colab')) as ProviderProfile
  expect({ ...before, ...after, updatedAt: null }).toEqual({
    ...before,
    sessionSeconds: 86_400,
    idleSeconds: null,
    updatedAt: null,
  })
  expect((await cli('providers', 'set', 'colab')).code).toBe(2)
  expect((await cli('providers', 'show', 'collab')).code).toBe(2)
})
