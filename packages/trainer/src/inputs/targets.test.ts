import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { TargetsSpec } from '@baton/contracts'
import type { DatasetManifest, PredictionsInput } from '@baton/contracts'
import { encode } from '@baton/safetensors'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import distilled from '../losses/fixtures/distilled.json' with { type: 'json' }
import type { LocalInput } from './local-input.ts'
import { openTargets } from './targets.ts'

/** Samples 0 to 5 to train on, 6 to 9 to test; the labels of each train sample are those of its bits. */
const manifest: DatasetManifest = {
  format: 'baton.dataset/1',
  labelGroups: [
    { name: 'one', labels: ['a'] },
    { name: 'two', labels: ['b', 'c'] },
  ],
  shards: [],
  licences: [],
  samples: Array.from({ length: 10 }, (_, i) => ({
    id: `s${i}`,
    split: i < 6 ? ('train' as const) : ('test' as const),
    group: null,
    labels: i < 6 ? [0, 1, 2].filter((label) => (i >> label) % 2 === 1) : [],
    shard: 0,
    offset: 0,
    length: 1,
    digest: '0'.repeat(64),
  })),
}
const train = Int32Array.of(0, 1, 2, 3, 4, 5)
const all = Int32Array.of(6, 7, 8, 9)

let dir: string
let files = 0
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'baton-targets-'))
})
afterAll(() => rm(dir, { recursive: true }))

/** A file of predictions, and what the server says of it. */
async function aFile(
  use: PredictionsInput['use'],
  rows: Readonly<Record<number, readonly number[]>>,
  labels: string[] | null = null,
): Promise<LocalInput> {
  const samples = Object.keys(rows).map(Number)
  const probability = Float32Array.from(Object.values(rows).flat())
  const bytes = encode(
    new Map([
      ['sample', { shape: [samples.length], data: Int32Array.from(samples) }],
      ['probability', { shape: [samples.length, probability.length / samples.length], data: probability }],
    ]),
  )
  const file = path.join(dir, `file-${files++}`)
  await writeFile(file, bytes)
  const kind = use === 'targets.pseudo' ? 'test-predictions' : 'oof'
  const blob = { digest: '0'.repeat(64), sizeBytes: bytes.length }
  return { input: { kind, use, source: 'imet#1/0', fold: null, labels, ...blob }, path: file }
}

const open = (targets: unknown, inputs: LocalInput[], labels: string[] | null = null) =>
  openTargets({ spec: { targets: TargetsSpec.parse(targets), labels }, manifest, inputs, train })

const rounded = (rows: Float32Array) => Array.from(rows, (value) => Number(value.toFixed(4)))

test('without any, the targets are the labels of the training samples', async () => {
  const targets = await open({}, [])
  expect([...targets.samples]).toEqual([...train])
  expect([...targets.labelsOf(Int32Array.of(5, 0))]).toEqual([1, 0, 1, 0, 0, 0])
  expect(targets.teacherOf).toBeNull()
})

describe('distillation', () => {
  const rows = Object.fromEntries(Array.from(train, (i) => [i, [0.1 * i, 0.5, 1]]))

  test('by max raises what the labels lack to κ times what the teachers say on average', async () => {
    const half = (from: number) => Object.fromEntries(Array.from(train.slice(from, from + 3), (i) => [i, rows[i]!]))
    // The first teacher in two files, as folds are; the second says 0.2 of everything.
    const second = Object.fromEntries(Array.from(train, (i) => [i, [0.2, 0.2, 0.2]]))
    const files = [half(0), half(3), second].map((each) => aFile('targets.distill', each))
    const spec = { distill: { form: 'max', teacher: ['imet#1', 'imet#2'], kappa: 0.5 } }
    const targets = await open(spec, await Promise.all(files))
    expect(rounded(targets.labelsOf(Int32Array.of(3, 4)))).toEqual([1, 1, 0.3, 0.15, 0.175, 1])
    expect(targets.teacherOf).toBeNull()
  })

  test.each(distilled.cases)(
    'by mix leaves the labels, and softens the teacher as PyTorch does, %#',
    async (reference) => {
      const given = Object.fromEntries([0, 1, 2, 3].map((i) => [i, distilled.teacher.slice(3 * i, 3 * i + 3)]))
      const file = await aFile('targets.distill', { ...given, 4: [0, 1, 0.5], 5: [0, 1, 0.5] })
      const { temperature } = reference.spec
      const targets = await open({ distill: { form: 'mix', teacher: 'imet#1', temperature } }, [file])
      expect([...targets.labelsOf(Int32Array.of(5))]).toEqual([1, 0, 1])
      const softened = targets.teacherOf!(Int32Array.of(0, 1, 2, 3))
      softened.forEach((q, i) => expect(Math.abs(q - reference.softened[i]!)).toBeLessThan(1e-5))
      // What is certain stays so at any temperature.
      expect([...targets.teacherOf!(Int32Array.of(4))]).toEqual([0, 1, 0.5])
    },
  )

  test('takes the columns of its label groups out of predictions of more', async () => {
    const spec = { distill: { form: 'max', teacher: 'imet#1', kappa: 1 } }
    const targets = await open(spec, [await aFile('targets.distill', rows)], ['two'])
    expect(rounded(targets.labelsOf(Int32Array.of(1, 2)))).toEqual([0.5, 1, 1, 1])
    const own = Object.fromEntries(Array.from(train, (i) => [i, [0.25, 0.75]]))
    const special = await open(spec, [await aFile('targets.distill', own, ['two'])], ['two'])
    expect(rounded(special.labelsOf(Int32Array.of(1)))).toEqual([0.25, 0.75])
  })
})

describe('pseudo labels', () => {
  // |p − ½| on average: 0.3, 0.4, 0.1, 0.4.
  const rows = { 6: [0.2, 0.8, 0.8], 7: [0.1, 0.1, 0.9], 8: [0.4, 0.4, 0.6], 9: [0.9, 0.9, 0.1] }

  test('add the test samples that are the most certain, with what is said of them', async () => {
    const file = await aFile('targets.pseudo', rows)
    const targets = await open({ pseudo: { from: 'imet#1', share: 0.5 } }, [file])
    expect([...targets.samples]).toEqual([...train, 7, 9])
    expect(rounded(targets.labelsOf(Int32Array.of(9, 5)))).toEqual([0.9, 0.9, 0.1, 1, 0, 1])
    const least = await open({ pseudo: { from: 'imet#1', share: 0.01 } }, [file])
    expect([...least.samples]).toEqual([...train, 7])
  })

  test('are 0 and 1 with a threshold', async () => {
    const file = await aFile('targets.pseudo', rows)
    const targets = await open({ pseudo: { from: 'imet#1', share: 1, threshold: 0.45 } }, [file])
    expect([...targets.samples]).toEqual([...train, ...all])
    expect([...targets.labelsOf(Int32Array.of(6, 8))]).toEqual([0, 1, 1, 0, 0, 1])
  })

  test('are what a teacher says of samples that nobody labelled', async () => {
    const taught = Object.fromEntries(Array.from(train, (i) => [i, [0.5, 0.5, 0.5]]))
    const files = [await aFile('targets.pseudo', rows), await aFile('targets.distill', taught)]
    const spec = { pseudo: { from: 'imet#1', share: 1 }, distill: { form: 'mix', teacher: 'imet#1' } }
    const targets = await open(spec, files)
    expect(rounded(targets.teacherOf!(Int32Array.of(6, 0)))).toEqual([0.2, 0.8, 0.8, 0.5, 0.5, 0.5])
  })
})

test('cleaning leaves out the samples with the highest loss, of equal ones the later', async () => {
  const kept = async (row: number[], share: number) => {
    const file = await aFile('targets.clean', Object.fromEntries(Array.from(train, (i) => [i, row])))
    return [...(await open({ clean: { from: 'imet#1', share } }, [file])).samples]
  }
  // Each is believed to have label 0 alone: that is right of 1; 5, 3 and 0 have one mistake, 4 and 2 two.
  const row = [0.95, 0.1, 0.2]
  expect(await kept(row, 0.16)).toEqual([0, 1, 2, 3, 4, 5])
  expect(await kept(row, 0.2)).toEqual([0, 1, 3, 4, 5])
  expect(await kept(row, 0.5)).toEqual([1, 3, 5])
  expect(await kept([0.5, 0.5, 0.5], 0.5)).toEqual([0, 1, 2])
})

describe('an input that does not fit is refused with its name:', () => {
  const spec = { distill: { form: 'max', teacher: 'imet#1' } }
  const cases: [what: string, rows: Record<number, number[]>, labels: string[] | null, words: RegExp][] = [
    ['samples that it says nothing of', { 0: [0, 0, 0] }, null, /the oof of imet#1\/0 .* say nothing of sample s1/],
    ['other labels', { 0: [0, 0] }, null, /have 2 values for 1 samples of 3 labels/],
    ['labels that are not there', { 0: [0.5] }, ['one'], /samples of 1 labels/],
    ['numbers that are no probabilities', { 0: [0, 2, 0] }, null, /are not probabilities/],
    ['samples of another dataset', { 99: [0, 0, 0] }, null, /are not probabilities of this dataset's samples/],
  ]
  test.each(cases)('%s', async (_, rows, labels, words) => {
    const refused = open(spec, [await aFile('targets.distill', rows, labels)], labels === null ? null : ['two'])
    await expect(refused).rejects.toMatchObject({
      code: 'input-unusable',
      message: expect.stringMatching(words) as string,
    })
  })

  test('what is no safetensors file', async () => {
    const file = await aFile('targets.distill', { 0: [0, 0, 0] })
    await writeFile(file.path, 'not one')
    await expect(open(spec, [file])).rejects.toMatchObject({ code: 'input-unusable' })
  })
})
