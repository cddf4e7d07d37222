import { expect, test } from 'vitest'
import { checkManifest, parseManifest } from './dataset-check.ts'
import type { DatasetManifest, Sample } from './dataset.ts'
import { FAULTS_LISTED } from './parse.ts'

const digest = 'a'.repeat(64)

/** A sound manifest of `count` train samples, each 100 bytes long and 512 apart. */
function aManifest(count = 4): DatasetManifest {
  return {
    format: 'baton.dataset/1',
    labelGroups: [
      { name: 'culture', labels: ['french', 'greek'] },
      { name: 'tag', labels: ['bowl', 'coin', 'french'] },
    ],
    shards: [{ digest, sizeBytes: 512 * count + 1024 }],
    samples: Array.from({ length: count }, (_, i) => ({
      id: `s${i}`,
      split: 'train' as const,
      group: null,
      labels: [i % 5],
      shard: 0,
      offset: 512 * i,
      length: 100,
      digest,
    })),
    licences: [],
  }
}

function faultsWith(change: (manifest: DatasetManifest) => void, count?: number) {
  const manifest = aManifest(count)
  change(manifest)
  return checkManifest(manifest)
}

const sample = (manifest: DatasetManifest, index: number): Sample => manifest.samples[index]!

test('a sound manifest has no fault and comes back whole', () => {
  expect(checkManifest(aManifest())).toEqual([])
  expect(parseManifest(JSON.parse(JSON.stringify(aManifest())))).toEqual(aManifest())
})

const cases: [name: string, change: (manifest: DatasetManifest) => void, pointer: string, detail: RegExp][] = [
  [
    'a sample id used twice',
    (m) => (sample(m, 2).id = 's0'),
    '/samples/2/id',
    /"s0" stands already at \/samples\/0\/id/,
  ],
  ['a label index out of range', (m) => (sample(m, 1).labels = [0, 5]), '/samples/1/labels/1', /labels are 0 to 4/],
  ['a label listed twice', (m) => (sample(m, 1).labels = [3, 3]), '/samples/1/labels/1', /list it once/],
  [
    'a label name used twice in a group',
    (m) => m.labelGroups[1]!.labels.push('coin'),
    '/labelGroups/1/labels/3',
    /unique/,
  ],
  ['a label group named twice', (m) => (m.labelGroups[1]!.name = 'culture'), '/labelGroups/1/name', /unique/],
  ['a shard that does not exist', (m) => (sample(m, 3).shard = 1), '/samples/3/shard', /shards are 0 to 0/],
  [
    'bytes past the end of a shard',
    (m) => (sample(m, 3).length = 5000),
    '/samples/3/offset',
    /reach past the 3072 bytes/,
  ],
  ['bytes that overlap', (m) => (sample(m, 1).offset = 99), '/samples/1/offset', /overlap those of sample "s0"/],
  [
    'test labels that give the truth away',
    (m) => (sample(m, 0).split = 'test'),
    '/samples/0/labels/0',
    /leave the list empty/,
  ],
  [
    'a group in two folds',
    (m) => {
      sample(m, 0).group = sample(m, 3).group = 'vase'
      Object.assign(sample(m, 0), { fold: 1 })
    },
    '/samples/3/fold',
    /in more than one fold/,
  ],
  [
    'a test sample in a fold',
    (m) => Object.assign(sample(m, 3), { split: 'test', labels: [], fold: 0 }),
    '/samples/3/fold',
    /of no fold/,
  ],
  [
    'a group in both splits',
    (m) => {
      sample(m, 0).group = sample(m, 3).group = 'vase'
      Object.assign(sample(m, 3), { split: 'test', labels: [] })
    },
    '/samples/3/group',
    /within one split/,
  ],
  [
    'nothing to train on',
    (m) => m.samples.forEach((s) => Object.assign(s, { split: 'test', labels: [] })),
    '/samples',
    /no train sample/,
  ],
]

test.each(cases)('%s is one fault with its place and remedy', (_name, change, pointer, detail) => {
  expect(faultsWith(change)).toEqual([{ pointer, detail: expect.stringMatching(detail) as string }])
})

test('a sample that lies inside another is found behind a later one too', () => {
  const faults = faultsWith((m) => (sample(m, 0).length = 2000))
  expect(faults.map((fault) => fault.pointer)).toEqual(['/samples/1/offset', '/samples/2/offset', '/samples/3/offset'])
})

test('equal places in different shards do not overlap', () => {
  const faults = faultsWith((m) => {
    m.shards.push({ digest, sizeBytes: 4096 })
    Object.assign(sample(m, 1), { shard: 1, offset: 0 })
  })
  expect(faults).toEqual([])
})

test('a manifest with faults is refused with all of them, the list cut where it is too long to answer with', () => {
  const count = FAULTS_LISTED + 5
  const manifest = aManifest(count)
  for (const s of manifest.samples) s.labels = [9]
  const refused = expect.objectContaining({
    code: 'manifest-invalid',
    faults: expect.objectContaining({
      length: FAULTS_LISTED + 1,
      [FAULTS_LISTED]: { pointer: '', detail: 'and 5 more faults that are not listed' },
    }) as unknown,
  }) as Error
  expect(() => parseManifest(manifest)).toThrow(refused)
  expect(() => parseManifest({ ...aManifest(), shards: 3 })).toThrow(
    expect.objectContaining({ faults: [{ pointer: '/shards', detail: 'must be a list, not 3' }] }) as Error,
  )
})
