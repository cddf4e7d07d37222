import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { ExperimentSpecInput } from '@baton/contracts'
import { samplesOf } from '@baton/evaluation'
import { decode, encode } from '@baton/safetensors'
import { beforeAll, describe, expect, test } from 'vitest'
import type { LocalFile } from '../checkpoint/write-tensors.ts'
import { tinyWorld } from '../fixtures/tiny-world.ts'
import { handOverAtLook, resultOf } from '../fixtures/train-sessions.ts'
import type { Session } from '../fixtures/train-sessions.ts'

const specInput: ExperimentSpecInput = {
  name: 'neighbours',
  dataset: 'tiny',
  seed: 3,
  folds: { count: 3 },
  model: { name: 'convnet', width: 3, blocks: 2 },
  metric: { minLabels: 0, maxLabels: 3 },
  image: { size: 8 },
  stages: [{ name: 'all', steps: 3, batch: 6, schedule: { name: 'constant', lr: 0.02 } }],
  evaluate: { batch: 4, tta: 'flip' },
  knn: { neighbours: 4, vote: 'uniform' },
  checkpoint: { everySeconds: 3600 },
}

const world = tinyWorld(specInput, { train: 18, test: 5, side: 8 })

interface Left {
  readonly sample: Int32Array
  readonly vote: Float32Array
  readonly distance: Float32Array
}

async function left({ path: file }: LocalFile): Promise<Left> {
  const { tensors } = decode(await readFile(file))
  return Object.fromEntries([...tensors].map(([name, { data: values }]) => [name, values])) as unknown as Left
}

function filesOf({ outcome }: Session) {
  if (outcome.kind !== 'completed' || !outcome.test) throw new Error(`the fold is ${outcome.kind}`)
  return { oof: outcome.oof, test: outcome.test, weights: outcome.weights }
}

describe('a fold of a spec with knn', () => {
  let whole: Session
  beforeAll(async () => {
    whole = await world.train({ signal: () => null })
  })

  test('leaves beside its predictions what the nearest training samples say, and how near they are', async () => {
    const files = filesOf(whole)
    for (const file of [files.oof, files.test]) {
      const { sample, vote, distance } = await left(file)
      expect(vote).toHaveLength(3 * sample.length)
      expect(distance).toHaveLength(sample.length)
      // Four votes.
      for (const part of vote) expect(part % 0.25).toBe(0)
      for (const d of distance) expect(d >= 0 && d < 2).toBe(true)
    }
  })

  test('trains as without it', async () => {
    const without = await world.train({ spec: { knn: null }, signal: () => null })
    expect(filesOf(without).weights.digest).toBe(filesOf(whole).weights.digest)
    const probabilityOf = async ({ path: file }: LocalFile) =>
      decode(await readFile(file)).tensors.get('probability')!.data as Float32Array
    const plain = await probabilityOf(filesOf(without).test)
    ;(await probabilityOf(filesOf(whole).test)).forEach((p, i) => expect(p).toBeCloseTo(plain[i]!, 6))
  })

  test('ends with the same bytes wherever it is interrupted once it has trained, twice in a row too', async () => {
    const { digests } = resultOf(whole)
    const trained = whole.polls
    // The last look before the predictions is where their first batch would be seen.
    const lastLooks = Array.from({ length: 12 }, (_, i) => trained - i)
    for (const look of lastLooks) {
      const pieces = await world.trainInPieces([handOverAtLook(look), handOverAtLook(4)])
      expect(pieces).toHaveLength(3)
      expect(resultOf(pieces.at(-1)!).digests).toEqual(digests)
    }
  })

  test('no sample is asked that votes: test samples with pseudo labels say nothing of themselves', async () => {
    const onTest = samplesOf(world.data.manifest, 'test')
    const file = path.join(world.dir, 'pseudo')
    const bytes = encode(
      new Map([
        ['sample', { shape: [onTest.length], data: onTest }],
        ['probability', { shape: [onTest.length, 3], data: new Float32Array(3 * onTest.length).fill(0.9) }],
      ]),
    )
    await writeFile(file, bytes)
    const blob = { digest: '0'.repeat(64), sizeBytes: bytes.length }
    const asked = { use: 'targets.pseudo', source: 'tiny#1/1', fold: 1, labels: null } as const
    const inputs = [{ input: { kind: 'test-predictions' as const, ...asked, ...blob }, path: file }]
    const spec = { targets: { pseudo: { from: 'tiny#1', share: 1 } }, knn: { neighbours: 1, vote: 'uniform' as const } }
    const session = await world.train({ spec, run: { inputs }, signal: () => null })
    const { distance } = await left(filesOf(session).test)
    for (const d of distance) expect(d).toBeGreaterThan(1e-6)
  })
})

describe('a code bundle’s model', () => {
  const modelOf = (made: string) =>
    `export const model = ({ tf, body, head, classes }) => {
      const conv = (own) => own.conv2d('conv', { inputs: 3, filters: 4, size: 3 })
      const dense = head.dense('dense', { inputs: 4, units: classes })
      ${made}
    }`
  const bodyAndHead = (body: string, head: string) =>
    modelOf(`const map = conv(body); return { body: (x, pass) => ${body}, head: (x, pass) => ${head} }`)
  const bundled: Partial<ExperimentSpecInput> = { code: 'a'.repeat(64), model: { name: 'bundle', options: {} } }
  const trainBundle = async (name: string, source: string) => {
    const bundleDir = path.join(world.dir, name)
    await mkdir(bundleDir)
    await writeFile(path.join(bundleDir, 'index.js'), source)
    return world.train({ spec: bundled, run: { bundleDir }, signal: () => null })
  }

  test.each([
    ['vectors', 'tf.mean(map(x, pass), [1, 2])', 'dense(x, pass)'],
    ['maps', 'map(x, pass)', 'dense(tf.mean(x, [1, 2]), pass)'],
  ])('whose head takes %s has neighbours', async (name, body, head) => {
    const { oof } = filesOf(await trainBundle(name, bodyAndHead(body, head)))
    expect((await left(oof)).vote.length).toBeGreaterThan(0)
  })

  test.each([
    [
      'sequences',
      bodyAndHead('tf.mean(map(x, pass), 1)', 'dense(tf.mean(x, 1), pass)'),
      /what the head takes is of shape \[1, 8, 4\]/,
    ],
    [
      'pictures',
      modelOf(`const map = conv(head)
        return { groups: [{ name: 'head', run: (x, pass) => dense(tf.mean(map(x, pass), [1, 2]), pass) }] }`),
      /all of the model is its head/,
    ],
  ])('whose head takes %s is refused before the first step', async (name, source, why) => {
    const training = trainBundle(name, source)
    await expect(training).rejects.toMatchObject({ code: 'user-code-failed' })
    await expect(training).rejects.toThrow(why)
  })
})
