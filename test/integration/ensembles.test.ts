import type { Client, Experiment } from '@baton/contracts'
import { assembleExperiment, cancelExperiment, makeSubmission, reconcile, renderSubmission } from '@baton/core'
import { aCompletedExperiment, anExperiment, createWorld } from '@baton/testing'
import type { World } from '@baton/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRest } from '../support/rest.ts'
import type { Rest } from '../support/rest.ts'

let world: World
let rest: Rest
let owner: Client
let first: Experiment
let second: Experiment

beforeAll(async () => {
  world = await createWorld()
  rest = await startRest(world)
  owner = rest.owner
  first = await aCompletedExperiment(world, { name: 'first' })
  second = await aCompletedExperiment(world, { name: 'second', model: { name: 'convnet', width: 8 } })
})
afterAll(async () => {
  await rest.close()
  await world.close()
})

const params = { project: 'emoji' }
const members = () => [first.version, second.version]

async function anEnsemble(changes: object = {}): Promise<Experiment> {
  const { id, version } = await owner.createEnsemble({ params, body: { name: 'both', members: members(), ...changes } })
  await assembleExperiment(world, { experimentId: id })
  return owner.getExperiment({ params: { ...params, version } })
}

test('an ensemble is an experiment that nobody trains: it waits, is assembled and stands on the leaderboard', async () => {
  const body = { name: 'weighted', members: members(), by: 'weighted' as const, seed: 4 }
  const made = await owner.createEnsemble({ params, body })
  expect(made).toMatchObject({ name: 'weighted', status: 'assembling', dataset: 'emoji@1', foldsCompleted: 2 })
  expect(made.blend).toMatchObject({ by: 'weighted', seed: 4, members: [{ weight: null }, { weight: null }] })
  expect(world.queue.assembling).toContain(made.id)
  expect(world.queue.waiting.filter(({ foldId }) => made.folds.some(({ id }) => id === foldId))).toEqual([])

  await assembleExperiment(world, { experimentId: made.id })
  await assembleExperiment(world, { experimentId: made.id })
  const done = await owner.getExperiment({ params: { ...params, version: made.version } })
  expect(done).toMatchObject({ status: 'completed', cv: 1, cvMean: 1, cvLow: 1, cvHigh: 1 })
  expect(done.blend!.members.reduce((sum, { weight }) => sum + weight!, 0)).toBeCloseTo(1, 12)
  expect(done.folds.map(({ score }) => score)).toEqual([1, 1])
  const board = await owner.getLeaderboard({
    params,
    query: { where: `version = ${made.version}`, fields: 'model,name' },
  })
  expect(board.items).toEqual([{ rank: 1, version: made.version, model: 'ensemble', name: 'weighted' }])
})

test('one whose job was lost is found again', async () => {
  const { id } = await owner.createEnsemble({ params, body: { name: 'lost', members: members() } })
  world.queue.assembling.length = 0
  await reconcile(world)
  expect(world.queue.assembling).toContain(id)
  await assembleExperiment(world, { experimentId: id })
})

test('asked for again under the same key, it is the same one', async () => {
  const call = { idempotencyKey: 'ensemble-once' }
  const body = { name: 'once', members: members() }
  const { version, id } = await owner.createEnsemble({ params, body }, call)
  expect(await owner.createEnsemble({ params, body }, call)).toMatchObject({ version })
  await assembleExperiment(world, { experimentId: id })
})

test('an ensemble is submitted and compared as what was trained is', async () => {
  const { version } = await anEnsemble({ by: 'rank' })
  const { id, number } = await owner.createSubmission({ params: { ...params, version }, body: {} })
  const render = async (input: Parameters<typeof renderSubmission>[0]) => renderSubmission(input)
  await makeSubmission({ ...world, render }, { submissionId: id })
  expect(await owner.getSubmission({ params: { ...params, number } })).toMatchObject({ status: 'ready', rows: 4 })
  const compared = await owner.compareExperiments({ params, query: { left: first.version, right: version } })
  expect(compared.difference).toMatchObject({ folds: 2, mean: 0 })
})

const refused: [what: string, body: () => object, code: string, said: RegExp][] = [
  ['a member twice', () => ({ members: [first.version, first.version] }), 'request-invalid', /listed twice/],
  ['a member that is not there', () => ({ members: [first.version, 999] }), 'not-found', /#999/],
  ['one member', () => ({ members: [first.version] }), 'request-invalid', /at least 2/],
  [
    'a scope of probabilities',
    () => ({ members: members(), scope: 'label' }),
    'request-invalid',
    /scope is of blend rank/,
  ],
]
test.each(refused)('%s is refused', async (_, body, code, said) => {
  const request = { name: 'refused', members: [1, 2], ...body() }
  await expect(owner.createEnsemble({ params, body: request })).rejects.toMatchObject({
    code,
    message: expect.stringMatching(said) as string,
  })
})

test('members that have not completed, split otherwise or are ensembles are refused, with what is in the way', async () => {
  const seeded = await aCompletedExperiment(world, { seed: 9 })
  const some = await aCompletedExperiment(world, { folds: { count: 2, only: [0] } })
  const ensemble = await anEnsemble()
  const open = await anExperiment(world)
  const cases: [Experiment, RegExp][] = [
    [seeded, /seed 0 on the left, 9 on the right/],
    [some, /trained folds 0, and #\d+ 0, 1/],
    [ensemble, /is an ensemble itself; name its members/],
    [open, /is queued; an ensemble is made of completed experiments/],
  ]
  for (const [{ version }, said] of cases) {
    const body = { name: 'refused', members: [first.version, version] }
    await expect(owner.createEnsemble({ params, body })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(said) as string,
    })
  }
  await cancelExperiment(world, { ...params, version: open.version })
})

test('nothing is learnt from an ensemble by its number: the fault says to name its members', async () => {
  const { version } = await anEnsemble()
  const targets = { distill: { form: 'max', teacher: [`emoji#${version}`] } }
  await expect(anExperiment(world, { targets })).rejects.toMatchObject({
    code: 'spec-invalid',
    faults: [
      {
        pointer: expect.stringContaining('/targets/distill/teacher') as string,
        detail: expect.stringMatching(/is an ensemble, which has no folds of its own; name emoji#1/) as string,
      },
    ],
  })
})

test('ranks of a specialised model are not those of the others: they are not averaged', async () => {
  const special = await anExperiment(world, { name: 'special', labels: ['tag'] })
  const body = { name: 'refused', members: [first.version, special.version], by: 'rank' as const }
  await expect(owner.createEnsemble({ params, body })).rejects.toMatchObject({
    code: 'request-invalid',
    faults: [expect.objectContaining({ pointer: '/by' })],
  })
  await cancelExperiment(world, { ...params, version: special.version })
})

test('an ensemble is not cloned, as there is nothing to train', async () => {
  const { version } = await anEnsemble()
  await expect(owner.cloneExperiment({ params: { ...params, version }, body: {} })).rejects.toMatchObject({
    code: 'conflict',
  })
})

test('one whose members lost their predictions fails, and says which', async () => {
  const broken = await aCompletedExperiment(world, { name: 'broken', model: { name: 'convnet', width: 4 } })
  const record = await world.store.experiments.find(broken.id)
  const { id, version } = await owner.createEnsemble({
    params,
    body: { name: 'fails', members: [first.version, broken.version] },
  })
  const lost = record!.folds[0]!.result!.oof.digest
  const blobs = {
    ...world.blobs,
    read: async (digest: string, options: { maxBytes: number }) =>
      digest === lost ? new Uint8Array(3) : world.blobs.read(digest, options),
  }
  await assembleExperiment({ ...world, blobs }, { experimentId: id })
  const failed = await owner.getExperiment({ params: { ...params, version } })
  expect(failed).toMatchObject({ status: 'failed', failure: { code: 'predictions-incomplete' } })
})
