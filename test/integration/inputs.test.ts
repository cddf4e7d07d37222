import {
  acquireLease,
  cloneExperiment,
  completeFold,
  createArtifact,
  createEnsemble,
  createExperiment,
  deleteArtifact,
  getExperiment,
  grantFoldDownloads,
  recordCheckpoint,
  retireCheckpoints,
} from '@baton/core'
import { BlendSpec, modelOf, parseFilter, parseSort } from '@baton/contracts'
import type { Experiment, ExperimentInput, Lease } from '@baton/contracts'
import {
  aCheckpoint,
  aCompletedExperiment,
  aLease,
  anExperiment,
  aResult,
  aSession,
  aSpec,
  createWorld,
  runSql,
} from '@baton/testing'
import type { World } from '@baton/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

let world: World
/** #1: both folds completed. */
let source: Experiment
/** #3: completed, of the tags alone. */
let tags: Experiment
/** #4: as #1. */
let other: Experiment

beforeAll(async () => {
  world = await createWorld()
  source = await aCompletedExperiment(world)
  // #2: fold 0 of 2 completed, the only one that it trains.
  await aCompletedExperiment(world, { folds: { count: 2, only: [0] } })
  tags = await aCompletedExperiment(world, { labels: ['tag'] })
  other = await aCompletedExperiment(world, { name: 'other' })
})
afterAll(() => world.close())

const create = (changes: Record<string, unknown>) => createExperiment(world, { project: 'emoji', spec: aSpec(changes) })
const distill = { form: 'max', teacher: 'emoji#1' }

/** What an input is, without its object. */
const told = ({ digest: _, sizeBytes: __, ...rest }: ExperimentInput) => rest
const resultOf = async ({ id }: Experiment) =>
  (await world.store.experiments.find(id))!.folds.map(({ result }) => result!)

/** The lease of an experiment's fold; folds that were offered before it are completed on the way. */
async function leaseOf({ version }: Experiment, fold: number): Promise<Lease> {
  for (;;) {
    const lease = await aLease(world, await aSession(world))
    if (lease.version === version && lease.fold === fold) return lease
  }
}

describe('an experiment takes', () => {
  test('the best weights of the same fold of another', async () => {
    const { inputs, specDigest } = await create({ from: 'emoji#1' })
    const origin = { kind: 'weights', use: 'from', part: 'all' }
    expect(inputs.map(told)).toEqual([
      { ...origin, source: 'emoji#1/0', fold: 0 },
      { ...origin, source: 'emoji#1/1', fold: 1 },
    ])
    expect(inputs[0]!.digest).toBe((await resultOf(source))[0]!.weights.digest)
    const again = await create({ from: 'emoji#1' })
    expect(again).toMatchObject({ inputs, specDigest })
  })

  test('OOF of all folds, and test predictions of the same fold or of all', async () => {
    const targets = { distill, clean: { from: ['emoji#1'], share: 0.1 }, pseudo: { from: 'emoji#1', share: 0.5 } }
    const results = await resultOf(source)
    const experiment = await create({ targets })
    expect(experiment.inputs.map(({ use, fold, digest }) => [use, fold, digest])).toEqual([
      ['targets.distill', null, results[0]!.oof.digest],
      ['targets.distill', null, results[1]!.oof.digest],
      ['targets.pseudo', 0, results[0]!.test!.digest],
      ['targets.pseudo', 1, results[1]!.test!.digest],
      ['targets.clean', null, results[0]!.oof.digest],
      ['targets.clean', null, results[1]!.oof.digest],
    ])
    const all = await create({ seed: 9, targets: { pseudo: { ...targets.pseudo, folds: 'all' } } })
    expect(all.inputs.map(({ fold }) => fold)).toEqual([null, null])
    const lease = await leaseOf(experiment, 1)
    expect(lease.inputs.map(({ source: from }) => from)).toEqual([
      'emoji#1/0',
      'emoji#1/1',
      'emoji#1/1',
      'emoji#1/0',
      'emoji#1/1',
    ])
  })

  test('predictions with their label groups, from one that has those it learns', async () => {
    const { inputs } = await create({
      labels: ['tag'],
      targets: { distill: { ...distill, teacher: ['emoji#3', 'emoji#1'] } },
    })
    expect(inputs.map((input) => 'labels' in input && input.labels)).toEqual([['tag'], ['tag'], null, null])
  })

  test('an artifact for the folds whose model starts with it', async () => {
    const { digest } = await world.blobs.write(new TextEncoder().encode('weights of another place'))
    await createArtifact(world, { project: 'emoji', name: 'w', digest, kind: 'weights', note: '' })
    const weights = { artifact: 'w' }
    const one = await create({ model: { name: 'resnet', weights } })
    const input = { kind: 'weights', use: 'model.weights', source: 'w', part: 'all', digest, sizeBytes: 24 }
    expect(one.inputs).toEqual([{ ...input, fold: null }])
    const model = [{ name: 'convnet' }, { name: 'resnet', weights }]
    const several = await create({ model, folds: { count: 5 } })
    const drawn = [0, 1, 2, 3, 4].filter((fold) => modelOf(several.spec, fold).name === 'resnet')
    expect(drawn.length).toBeGreaterThan(0)
    expect(drawn.length).toBeLessThan(5)
    expect(several.inputs).toEqual(drawn.map((fold) => ({ ...input, fold })))
    const listed = await world.store.experiments.page({
      projectId: (await world.store.projects.find('emoji'))!.id,
      completedOnly: false,
      filter: parseFilter('model = "convnet, resnet"'),
      sort: parseSort('version'),
      columns: ['version', 'model'],
      limit: 10,
    })
    expect(listed.items).toMatchObject([{ version: several.version, model: 'convnet, resnet' }])
    await expect(deleteArtifact(world, { project: 'emoji', name: 'w' })).rejects.toMatchObject({ code: 'conflict' })
  })

  test('the body alone where the labels are others', async () => {
    const { inputs } = await create({ from: 'emoji#1', labels: ['category'] })
    expect(inputs.map((input) => input.kind === 'weights' && input.part)).toEqual(['body', 'body'])
  })
})

const wider = { name: 'convnet', width: 5 }
const refusals: [what: string, changes: Record<string, unknown>, faults: Record<string, RegExp>][] = [
  ['an experiment that is not there', { from: 'emoji#99' }, { '/from': /there is no experiment emoji#99/ }],
  ["another project's", { from: 'imet#1' }, { '/from': /of another project; name an experiment of "emoji"/ }],
  [
    'a fold that is not there',
    { from: 'emoji#1/7', folds: { count: 2, only: [1] } },
    { '/from': /trained on what fold 1/ },
  ],
  ['a fold that it does not train', { from: 'emoji#2' }, { '/from': /#2 has no fold 1: it trains 0/ }],
  ['another model', { from: 'emoji#1', model: wider }, { '/from': /has another model/ }],
  [
    'weights of another split',
    { from: 'emoji#1', seed: 1 },
    { '/from': /splits emoji in another way.*`folds` and `seed`/ },
  ],
  [
    'weights that have seen what is validated on',
    { from: 'emoji#1/1' },
    { '/from': /trained on what fold 0 validates on; leave/ },
  ],
  [
    'an artifact that is not there',
    { model: [{ name: 'convnet' }, { name: 'convnet', weights: { artifact: 'gone' } }] },
    { '/model/1/weights/artifact': /keeps no artifact "gone"; push it/ },
  ],
  ['a checkpoint that is gone', { from: 'emoji#1', fromCheckpoint: 'last' }, { '/fromCheckpoint': /kept for a day/ }],
  [
    'OOF of a part of the folds',
    { targets: { distill: { ...distill, teacher: 'emoji#2' } } },
    { '/targets/distill/teacher': /trained 1 of its 2 folds/ },
  ],
  [
    'test predictions of another split',
    { seed: 3, targets: { pseudo: { from: 'emoji#1', share: 0.5 } } },
    { '/targets/pseudo/from': /splits the dataset in another way.*`folds: all`/ },
  ],
  [
    'predictions of other labels',
    { targets: { clean: { from: 'emoji#3', share: 0.1 } } },
    { '/targets/clean/from': /predicts tag alone/ },
  ],
  [
    'label groups that are not there',
    { labels: ['tag', 'tags'] },
    { '/labels/1': /no label group "tags"; its groups are category, tag/ },
  ],
  [
    'folds of a column that the dataset lacks',
    { folds: { count: 2, split: 'column' } },
    { '/folds/split': /emoji@1: .*import it with a column fold, or choose another split/ },
  ],
  [
    'groups that the dataset lacks',
    { folds: { count: 2, split: 'grouped' } },
    { '/folds/split': /emoji@1: .*no groups; import it with a column group/ },
  ],
  [
    'more folds than samples',
    { folds: { count: 21 } },
    { '/folds/count': /21 folds want .* the dataset has 20; give count 20 at most/ },
  ],
  [
    'several at once',
    { from: 'emoji#99', targets: { distill: { ...distill, teacher: 'emoji#98' } } },
    { '/from': /emoji#99/, '/targets/distill/teacher': /emoji#98/ },
  ],
]
test.each(refusals)('%s: refused, with field, reason and remedy', async (_, changes, expected) => {
  const { next } = (await runSql(world.databaseUrl, `SELECT next_version AS next FROM project`))[0] as { next: number }
  const refused = create(changes)
  await expect(refused).rejects.toMatchObject({ code: 'spec-invalid' })
  const { faults } = (await refused.catch((error: unknown) => error)) as {
    faults: { pointer: string; detail: string }[]
  }
  expect(faults.map(({ pointer }) => pointer)).toEqual(Object.keys(expected))
  for (const { pointer, detail } of faults) expect(detail).toMatch(expected[pointer]!)
  expect(await runSql(world.databaseUrl, `SELECT next_version AS next FROM project`)).toEqual([{ next }])
})

test('an ensemble is no source: its members are', async () => {
  const members = [source.version, other.version]
  const spec = BlendSpec.parse({ name: 'both', members })
  const { version } = await createEnsemble(world, { project: 'emoji', spec })
  const named = { targets: { distill: { ...distill, teacher: `emoji#${version}` } } }
  const detail = `emoji#${version} is an ensemble, which has no folds of its own; name emoji#1, emoji#4`
  await expect(create(named)).rejects.toMatchObject({ faults: [{ pointer: '/targets/distill/teacher', detail }] })
  expect(
    await create({ targets: { distill: { ...distill, teacher: members.map((of) => `emoji#${of}`) } } }),
  ).toMatchObject({
    inputs: [{ fold: null }, { fold: null }, { fold: null }, { fold: null }],
  })
})

test('what is still training is refused, but for its newest checkpoint, which then is kept', async () => {
  const running = await anExperiment(world, { seed: 77 })
  const lease = await leaseOf(running, 0)
  const proof = { foldId: lease.foldId, fence: lease.fence, sessionId: (await sessionOf(lease))! }
  const files = async (step: number) => {
    const slots = await world.blobs.write(new TextEncoder().encode(`slots at ${step}`))
    const body = await world.blobs.write(new TextEncoder().encode('a body that is not trained'))
    const manifest = await aCheckpoint(world, lease, step)
    const more = [
      { name: 'frozen-weights' as const, ...body },
      { name: 'optimizer' as const, ...slots },
    ]
    return { ...manifest, files: [...manifest.files, ...more] }
  }
  const from = { seed: 77, from: `emoji#${running.version}`, folds: { count: 2, only: [0] } }
  await expect(create(from)).rejects.toMatchObject({
    faults: [{ pointer: '/from', detail: expect.stringMatching(/fold 0 of emoji#\d+ is leased/) as string }],
  })
  await recordCheckpoint(world, { ...proof, manifest: await files(1) })
  const begun = await create({ ...from, fromCheckpoint: 'last' })
  expect(begun.inputs.map(({ kind, use, fold }) => [kind, use, fold])).toEqual([
    ['weights', 'from', 0],
    ['weights', 'from', 0],
    ['slots', 'from', 0],
  ])
  for (const step of [2, 3, 4]) await recordCheckpoint(world, { ...proof, manifest: await files(step) })
  expect(await retireCheckpoints(world)).toBe(2)
  for (const { digest } of begun.inputs) expect(world.blobs.objects.has(digest)).toBe(true)

  // Its clone has the same objects, though nobody could find them any more.
  const clone = (overrides: object) => cloneExperiment(world, { project: 'emoji', version: begun.version, overrides })
  expect(await clone({ name: 'again' })).toMatchObject({ inputs: begun.inputs })
  expect((await clone({ model: { dropout: 0.2 } })).inputs).not.toEqual(begun.inputs)
})

async function sessionOf({ foldId }: Lease): Promise<string | null> {
  const [row] = await runSql(world.databaseUrl, `SELECT session_id AS id FROM fold WHERE id = '${foldId}'`)
  return (row as { id: string | null }).id
}

test("a lease carries its fold's inputs, which its session may read; once there is a checkpoint, not what it began with", async () => {
  const experiment = await create({ from: 'emoji#1', targets: { distill }, pool: 'own' })
  const session = await aSession(world)
  await runSql(world.databaseUrl, `UPDATE session SET pools = '{own}' WHERE id = '${session}'`)
  const lease = await aLease(world, session)
  expect(lease).toMatchObject({ version: experiment.version, fold: 0 })
  expect(lease.inputs.map(({ source: from, use }) => [from, use])).toEqual([
    ['emoji#1/0', 'from'],
    ['emoji#1/0', 'targets.distill'],
    ['emoji#1/1', 'targets.distill'],
  ])
  const proof = { foldId: lease.foldId, fence: lease.fence, sessionId: session }
  const digests = lease.inputs.map(({ digest }) => digest)
  expect(await grantFoldDownloads(world, { ...proof, digests })).toHaveLength(3)
  const [foreign] = await resultOf(tags)
  await expect(grantFoldDownloads(world, { ...proof, digests: [foreign!.oof.digest] })).rejects.toMatchObject({
    code: 'forbidden',
  })
  await recordCheckpoint(world, { ...proof, manifest: await aCheckpoint(world, lease, 1) })
  const { lease: heldAgain } = await acquireLease(
    { ...world, offers: world.queue.offers },
    { sessionId: session, waitMs: 0 },
  )
  expect(heldAgain!.inputs.map(({ use }) => use)).toEqual(['targets.distill', 'targets.distill'])
  await completeFold(world, { ...proof, step: 9, result: await aResult(world, lease) })
})

test('an object that an experiment takes is not removed with an artifact that is the same', async () => {
  const { inputs } = await create({ from: 'emoji#3', labels: ['tag'] })
  expect(tags.version).toBe(3)
  const { digest } = inputs[0]!
  await createArtifact(world, { project: 'emoji', name: 'kept', digest, kind: 'weights', note: '' })
  await expect(deleteArtifact(world, { project: 'emoji', name: 'kept' })).rejects.toMatchObject({ code: 'conflict' })
  const { version } = await create({})
  expect(await getExperiment(world, { project: 'emoji', version })).toMatchObject({ inputs: [] })
})
