import { startApi } from '@baton/api'
import type { RunningApi } from '@baton/api'
import type { Problem } from '@baton/contracts'
import { insertToken } from '@baton/core'
import { createLog } from '@baton/log'
import { createWorld, runSql } from '@baton/testing'
import type { World } from '@baton/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

let world: World
let api: RunningApi
let token: string

beforeAll(async () => {
  world = await createWorld()
  const log = createLog({ app: 'api', level: 'silent' })
  api = await startApi({ ...world, host: '127.0.0.1', port: 0, database: world.store, s3: null, log })
  token = (await insertToken(world.store, { name: 'o', role: 'submitter', project: null, validSeconds: null })).token
})
afterAll(async () => {
  await api.close()
  await world.close()
})

const stage = { name: 'all', epochs: 1, schedule: { name: 'constant', lr: 0.001 } }
const good = {
  name: 'broken',
  dataset: 'emoji',
  folds: { count: 2 },
  model: { name: 'convnet' },
  image: { size: 8 },
  stages: [stage],
}
const without = (...keys: string[]) => Object.fromEntries(Object.entries(good).filter(([key]) => !keys.includes(key)))
const staged = (...changes: object[]) => ({ ...good, stages: changes.map((change) => ({ ...stage, ...change })) })
const digest = 'a'.repeat(64)

/** What is sent, and the words at each pointer that the answer must have: all of them, and no others. */
const specs: [what: string, spec: unknown, faults: Record<string, RegExp>][] = [
  [
    'nothing',
    {},
    {
      '/name': /missing/,
      '/dataset': /missing/,
      '/folds': /missing/,
      '/model': /missing|one of/,
      '/image': /missing/,
      '/stages': /missing/,
    },
  ],
  ['a list', [], { '': /an object, not a list/ }],
  ['a text', 'resnet', { '': /an object, not the string/ }],
  ['null', null, { '': /an object, not null/ }],
  ['no name', without('name'), { '/name': /is missing; give a string/ }],
  ['two fields less', without('image', 'stages'), { '/image': /is missing/, '/stages': /is missing/ }],
  ['an empty name', { ...good, name: '  ' }, { '/name': /at least 1 character/ }],
  ['a name like a page', { ...good, name: 'n'.repeat(121) }, { '/name': /at most 120 characters/ }],
  ['a number for a name', { ...good, name: 7 }, { '/name': /a string, not 7/ }],
  ['a dataset by its title', { ...good, dataset: 'My Emoji' }, { '/dataset': /a dataset name/ }],
  ['version 0 of a dataset', { ...good, dataset: 'emoji@0' }, { '/dataset': /emoji@3/ }],
  ['a dataset that is not there', { ...good, dataset: 'nothing' }, { '/dataset': /has no dataset nothing; create it/ }],
  ['a version that is not there', { ...good, dataset: 'emoji@99' }, { '/dataset': /has no dataset emoji@99/ }],
  [
    'dataset and code that are not there',
    { ...good, dataset: 'nothing', code: digest },
    { '/dataset': /no dataset/, '/code': /no such code bundle; push it/ },
  ],
  ['half a digest', { ...good, code: 'abc' }, { '/code': /64 lower-case hex digits/ }],
  ['one fold', { ...good, folds: { count: 1 } }, { '/folds/count': /at least 2, not 1/ }],
  ['half a fold', { ...good, folds: { count: 2.5 } }, { '/folds/count': /a whole number/ }],
  ['folds as a number', { ...good, folds: 5 }, { '/folds': /an object, not 5/ }],
  [
    'a fold that is not there, and one twice',
    { ...good, folds: { count: 2, only: [1, 1, 2] } },
    { '/folds/only/1': /listed twice/, '/folds/only/2': /folds are 0 to 1/ },
  ],
  ['no fold at all', { ...good, folds: { count: 2, only: [] } }, { '/folds/only': /at least 1 entry/ }],
  [
    'a split by another name',
    { ...good, folds: { count: 2, split: 'stratifed' } },
    { '/folds/split': /did you mean "stratified"/ },
  ],
  [
    'a model nobody knows',
    { ...good, model: { name: 'vit' } },
    { '/model/name': /one of "convnet", "resnet", .*"bundle"/ },
  ],
  ['a slip in the model', { ...good, model: { name: 'resnt' } }, { '/model/name': /did you mean "resnet"/ }],
  ["another model's option", { ...good, model: { name: 'convnet', layers: [1] } }, { '/model/layers': /not known/ }],
  [
    'a model too wide and too wet',
    { ...good, model: { name: 'convnet', width: 1000, dropout: 1 } },
    { '/model/width': /at most 512/, '/model/dropout': /at most 0.9/ },
  ],
  ['a bundle model without code', { ...good, model: { name: 'bundle' } }, { '/model/name': /needs `code`/ }],
  ['pictures of 4 pixels', { ...good, image: { size: 4 } }, { '/image/size': /at least 8, not 4/ }],
  ['two colours', { ...good, image: { size: 8, mean: [0.5, 0.5] } }, { '/image/mean': /list/ }],
  [
    'a spread of nothing',
    { ...good, image: { size: 8, std: [0, -1, 1] } },
    { '/image/std/0': /more than 0/, '/image/std/1': /more than 0/ },
  ],
  ['no stage', { ...good, stages: [] }, { '/stages': /at least 1 entry/ }],
  ['a stage twice', staged({}, {}), { '/stages/1/name': /used twice/ }],
  [
    'no epoch, no batch',
    staged({ epochs: 0, batch: 0 }),
    { '/stages/0/epochs': /more than 0/, '/stages/0/batch': /at least 1/ },
  ],
  [
    'a rate below its least',
    staged({ schedule: { name: 'cosine', lr: 0.1, lrMin: 0.2 } }),
    { '/stages/0/schedule/lrMin': /must not be above lr/ },
  ],
  [
    'a rate of nothing and a slip',
    staged({ schedule: { name: 'constant', lr: 0, warmup: 3 } }),
    { '/stages/0/schedule/lr': /more than 0/, '/stages/0/schedule/warmup': /did you mean "warmupSteps"|known here/ },
  ],
  [
    'faults in two stages',
    staged({ epochs: 'ten' }, { name: 'b', loss: { name: 'mse' } }),
    { '/stages/0/epochs': /a whole number|a number/, '/stages/1/loss/name': /one of "bce", .*"bundle"/ },
  ],
  [
    'an optimizer of another library',
    staged({ optimizer: { name: 'Adam' } }),
    { '/stages/0/optimizer/name': /did you mean "adam"/ },
  ],
  ['gradients clipped to nothing', staged({ clipNorm: 0 }), { '/stages/0/clipNorm': /more than 0/ }],
  [
    'more labels at least than at most',
    { ...good, metric: { minLabels: 5, maxLabels: 2 } },
    { '/metric/minLabels': /must not be above maxLabels/ },
  ],
  [
    'a slip at the root',
    { ...good, stagse: [], sed: 1 },
    { '/stagse': /did you mean "stages"/, '/sed': /did you mean "seed"/ },
  ],
  [
    'a seed below 0 and a priority above all',
    { ...good, seed: -1, priority: 1001 },
    { '/seed': /at least 0/, '/priority': /at most 1000/ },
  ],
  ['Python', { ...good, runtime: 'python' }, { '/runtime': /"tfjs"/ }],
  [
    'checkpoints all the time, no patience',
    { ...good, checkpoint: { everySeconds: 0 }, earlyStop: { patience: 0 } },
    { '/checkpoint/everySeconds': /at least 1/, '/earlyStop/patience': /at least 1/ },
  ],
  ['a pool with a space', { ...good, pool: 'my pool' }, { '/pool': /lower-case letters/ }],
]

describe('a broken spec is refused with every fault at once, and nothing of it is stored', () => {
  const kept = () =>
    runSql(
      world.databaseUrl,
      `SELECT (SELECT count(*) FROM experiment) AS experiments, (SELECT count(*) FROM fold) AS folds,
        (SELECT count(*) FROM event) AS events, (SELECT count(*) FROM outbox) AS jobs,
        (SELECT count(*) FROM idempotency_key) AS keys, (SELECT next_version FROM project) AS next`,
    )

  test('there are forty of them', () => expect(specs.length).toBeGreaterThanOrEqual(40))

  test.each(specs)('%s', async (what, spec, faults) => {
    const before = await kept()
    const response = await fetch(`${api.url}/v1/projects/emoji/experiments`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': what },
      body: JSON.stringify(spec),
    })
    const problem = (await response.json()) as Problem
    expect([response.status, problem.code], JSON.stringify(problem)).toEqual([422, 'spec-invalid'])
    const said = Object.fromEntries(problem.errors.map(({ pointer, detail }) => [pointer, detail]))
    expect(said).toEqual(
      Object.fromEntries(Object.entries(faults).map(([pointer, words]) => [pointer, expect.stringMatching(words)])),
    )
    expect(await kept()).toEqual(before)
  })
})
