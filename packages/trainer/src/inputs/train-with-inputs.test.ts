import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { ExperimentInput, ExperimentSpecInput } from '@baton/contracts'
import { decode } from '@baton/safetensors'
import type { Tensor } from '@baton/safetensors'
import * as tf from '@tensorflow/tfjs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SavedCheckpoint } from '../checkpoint/save-checkpoint.ts'
import type { LocalFile } from '../checkpoint/write-tensors.ts'
import { makeTinyDataset } from '../fixtures/tiny-dataset.ts'
import type { TinyDataset } from '../fixtures/tiny-dataset.ts'
import { handOverAtLook, resultOf, trainSessions } from '../fixtures/train-sessions.ts'
import type { Session, SessionOptions, TrainSessions } from '../fixtures/train-sessions.ts'
import type { LocalInput } from './local-input.ts'

const stage = { name: 'all', epochs: 3, batch: 6, schedule: { name: 'constant', lr: 0.02 } } as const
const specInput: ExperimentSpecInput = {
  name: 'tiny',
  dataset: 'tiny',
  folds: { count: 2 },
  model: { name: 'convnet', width: 3, blocks: 1 },
  image: { size: 8 },
  stages: [stage],
  checkpoint: { everySeconds: 3600 },
}

let dir: string
let data: TinyDataset
let sessions: TrainSessions
/** Both folds of the experiment that the others take from. */
let source: { session: Session; oof: LocalFile; test: LocalFile; weights: LocalFile }[]
beforeAll(async () => {
  await tf.setBackend('cpu')
  dir = await mkdtemp(path.join(tmpdir(), 'baton-inputs-'))
  const { manifest, ...tiny } = await makeTinyDataset({ dir, train: 24, test: 6, side: 8 })
  const labelGroups = [
    { name: 'warm', labels: ['red', 'green'] },
    { name: 'cold', labels: ['blue'] },
  ]
  data = { ...tiny, manifest: { ...manifest, labelGroups } }
  sessions = trainSessions({ dir, data, spec: specInput })
  source = []
  for (const fold of [0, 1]) {
    const session = await sessions.train({ fold })
    if (session.outcome.kind !== 'completed') throw new Error('the source is not completed')
    const { oof, test, weights } = session.outcome
    source.push({ session, oof, test: test!, weights })
  }
})
afterAll(() => rm(dir, { recursive: true }))

type Predicted = Extract<ExperimentInput, { labels: unknown }>['use']

const blobOf = ({ digest, sizeBytes }: LocalFile) => ({ digest, sizeBytes })
const predictionsOf = (use: Predicted, kind: 'oof' | 'test-predictions'): LocalInput[] =>
  source.map(({ oof, test }, fold) => {
    const file = kind === 'oof' ? oof : test
    return {
      input: { kind, use, source: `tiny#1/${fold}`, fold: null, labels: null, ...blobOf(file) },
      path: file.path,
    }
  })
const weightsOf = (fold: number, part: 'all' | 'body' = 'all'): LocalInput => {
  const { weights } = source[fold]!
  return {
    input: { kind: 'weights', use: 'from', source: `tiny#1/${fold}`, fold, part, ...blobOf(weights) },
    path: weights.path,
  }
}
/** A file of a session's last checkpoint. */
const checkpointFile = ({ checkpoints }: Session, name: 'weights' | 'optimizer') => checkpoints.at(-1)!.files[name]!
/** What `fromCheckpoint: last` takes of a checkpoint. */
const lastOf = ({ manifest, files }: SavedCheckpoint): LocalInput[] =>
  manifest.files
    .filter(({ name }) => !name.endsWith('best'))
    .map(({ name, digest, sizeBytes }) => {
      const origin = { use: 'from', source: 'tiny#1/1', fold: 1, digest, sizeBytes } as const
      const isOfModel = name.endsWith('weights')
      const input = isOfModel ? { kind: 'weights', ...origin, part: 'all' } : { kind: 'slots', ...origin }
      return { input: input as ExperimentInput, path: files[name]! }
    })
const tensorsAt = async (file: string) => decode(await readFile(file)).tensors
/** One step that changes nothing that can be seen: what the training began with is what it leaves. */
const still: Partial<ExperimentSpecInput> = {
  stages: [{ ...stage, epochs: 1, batch: 32, optimizer: { name: 'sgdm' }, schedule: { name: 'constant', lr: 1e-30 } }],
}

describe('a training that starts from another one', () => {
  test('begins with its weights', async () => {
    const begun = await sessions.train({ spec: still, fold: 1, run: { inputs: [weightsOf(1)] } })
    expect(begun.logs.filter((line) => line.includes('starts with the weights of tiny#1/1'))).toHaveLength(1)
    const [own, theirs] = await Promise.all([
      tensorsAt(checkpointFile(begun, 'weights')),
      tensorsAt(source[1]!.weights.path),
    ])
    expect([...own.keys()].sort()).toEqual([...theirs.keys()].sort())
    for (const [name, { data: values }] of theirs)
      if (!/mean|variance/.test(name)) expect(own.get(name)!.data).toEqual(values)
  })

  test('begins with the body alone where its labels are others, and with a head of its own', async () => {
    const spec = { ...still, labels: ['cold'] }
    const [begun, afresh] = [
      await sessions.train({ spec, fold: 1, run: { inputs: [weightsOf(1, 'body')] } }),
      await sessions.train({ spec, fold: 1 }),
    ]
    const [own, fresh] = await Promise.all([begun, afresh].map((each) => tensorsAt(checkpointFile(each, 'weights'))))
    const theirs = await tensorsAt(source[1]!.weights.path)
    expect(own!.get('block0/conv/kernel')!.data).toEqual(theirs.get('block0/conv/kernel')!.data)
    expect(own!.get('head/dense/kernel')!.data).toEqual(fresh!.get('head/dense/kernel')!.data)
  })

  test('goes on with its optimizer slots by name, step for step as it would have gone on itself', async () => {
    // Two equal stages, and the second of them alone, from where the first ended. A stage draws its own order, so every
    // batch is all samples, as they are: the order is then in the rounding alone.
    const equal = { ...stage, batch: 32 }
    const once: Partial<ExperimentSpecInput> = { stages: [equal], augment: [] }
    const whole = await sessions.train({ spec: { ...once, stages: [equal, { ...equal, name: 'again' }] }, fold: 1 })
    const at = whole.checkpoints[0]!
    expect(at.manifest.position).toMatchObject({ stage: 1, stageStep: 0 })
    const inputs = lastOf(at)
    const slotsAfter = async (session: Session) => tensorsAt(checkpointFile(session, 'optimizer'))
    const wanted = await slotsAfter(whole)
    const distance = async (session: Session) => {
      const slots = await slotsAfter(session)
      expect([...slots.keys()].sort()).toEqual([...wanted.keys()].sort())
      const apart = ([name, tensor]: [string, Tensor]) => {
        const [a, b] = [tensor, slots.get(name)!].map(({ data: values }) => values as Float32Array)
        return Math.max(...a!.map((value, i) => Math.abs(value - b![i]!)))
      }
      return Math.max(...Array.from(wanted, apart))
    }
    expect(await distance(await sessions.train({ spec: once, fold: 1, run: { inputs } }))).toBeLessThan(1e-5)
    const afresh = await sessions.train({ spec: once, fold: 1, run: { inputs: inputs.slice(0, 1) } })
    expect(await distance(afresh)).toBeGreaterThan(1)
  })

  test('goes on from a stage that trained the head alone, with what that left as it was', async () => {
    const stages = [
      { ...stage, epochs: 1 },
      { ...stage, name: 'head', epochs: 1, train: 'head' as const },
    ]
    const whole = await sessions.train({ spec: { stages }, fold: 1 })
    const at = whole.checkpoints.at(-1)!
    const begun = await sessions.train({ spec: still, fold: 1, run: { inputs: lastOf(at) }, signal: handOverAtLook(1) })
    const stateOf = async ({ files }: SavedCheckpoint, part: 'weights' | 'optimizer') => {
      const paths = [files[part]!, ...(files[`frozen-${part}`] ? [files[`frozen-${part}`]!] : [])]
      return new Map((await Promise.all(paths.map(tensorsAt))).flatMap((tensors) => [...tensors]))
    }
    const first = begun.checkpoints.at(-1)!
    expect(await stateOf(first, 'weights')).toEqual(await stateOf(at, 'weights'))
    expect(Object.keys(at.files)).toEqual(expect.arrayContaining(['frozen-weights', 'frozen-optimizer']))
    // Of its own optimizer it has no slots yet; those that came are kept.
    const slots = await stateOf(first, 'optimizer')
    for (const [name, tensor] of await stateOf(at, 'optimizer')) expect(slots.get(name)).toEqual(tensor)
  })

  test('leaves averages and losses behind that stand beside the slots', async () => {
    const spec: Partial<ExperimentSpecInput> = { ema: {}, stages: [{ ...stage, mine: {} }] }
    const averaged = await sessions.train({ spec, fold: 1, signal: handOverAtLook(30) })
    const at = averaged.checkpoints.at(-1)!
    const names = [...(await tensorsAt(at.files.optimizer!)).keys()]
    expect(names.filter((name) => !name.startsWith('adamw/'))).not.toEqual([])
    const inputs = lastOf(at)
    const on = await sessions.train({ fold: 1, run: { inputs } })
    const kept = [...(await tensorsAt(checkpointFile(on, 'optimizer'))).keys()]
    expect(kept.filter((name) => !name.startsWith('adamw/'))).toEqual([])
  })

  test('is refused where the weights are of another model', async () => {
    const spec = { model: { name: 'convnet', width: 4, blocks: 1 } as const }
    const refused = sessions.train({ spec, fold: 1, run: { inputs: [weightsOf(1)] } })
    await expect(refused).rejects.toMatchObject({
      code: 'weights-unfit',
      message: expect.stringMatching(/of another shape: .*block0\/conv\/kernel/) as string,
    })
  })
})

test('a model of some label groups predicts their columns and says which they are', async () => {
  const { outcome } = await sessions.train({ spec: { labels: ['cold'] }, fold: 1 })
  if (outcome.kind !== 'completed') throw new Error('not completed')
  const [special, whole] = await Promise.all([tensorsAt(outcome.oof.path), tensorsAt(source[1]!.oof.path)])
  expect([...special.get('label')!.data]).toEqual([2])
  expect(special.get('probability')!.shape).toEqual([whole.get('sample')!.shape[0], 1])
  expect(special.get('sample')!.data).toEqual(whole.get('sample')!.data)
  expect(whole.has('label')).toBe(false)
})

const everything = (): SessionOptions => ({
  fold: 0,
  spec: {
    labels: ['warm'],
    targets: {
      distill: { form: 'mix', teacher: 'tiny#1', kappa: 0.5, temperature: 2 },
      pseudo: { from: 'tiny#1', share: 0.5, folds: 'all' },
      clean: { from: 'tiny#1', share: 0.2 },
    },
  },
  run: {
    inputs: [
      ...predictionsOf('targets.distill', 'oof'),
      ...predictionsOf('targets.pseudo', 'test-predictions'),
      ...predictionsOf('targets.clean', 'oof'),
    ],
  },
})

describe('a training with teachers, pseudo labels and cleaning', () => {
  test('trains on its samples but the worst, and on the most certain test samples', async () => {
    const { progress, outcome } = await sessions.train(everything())
    // 12 samples are its own: 2 are left out, and 3 of the 6 test samples are added. 2 batches of 6, 3 epochs.
    expect(progress.at(-1)!.totalSteps).toBe(6)
    if (outcome.kind !== 'completed') throw new Error('not completed')
    const validated = (await tensorsAt(outcome.oof.path)).get('sample')!.data
    expect(validated).toEqual((await tensorsAt(source[0]!.oof.path)).get('sample')!.data)
  })

  test('ends with the same bytes however often it is interrupted', async () => {
    const whole = await sessions.train(everything())
    const pieces = await sessions.trainInPieces([handOverAtLook(12), handOverAtLook(9)], everything())
    expect(pieces).toHaveLength(3)
    expect(resultOf(pieces.at(-1)!).digests).toEqual(resultOf(whole).digests)
  })

  test.each(['distill', 'pseudo', 'clean'] as const)('learns something else without %s', async (part) => {
    const { spec, ...rest } = everything()
    const without = { ...rest, spec: { ...spec, targets: { ...spec!.targets, [part]: null } } }
    const [a, b] = [await sessions.train(everything()), await sessions.train(without)]
    expect(resultOf(a).digests[2]).not.toBe(resultOf(b).digests[2])
  })
})
