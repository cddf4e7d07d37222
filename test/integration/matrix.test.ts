import { MatrixSpec } from '@baton/contracts'
import type { Client, Lease } from '@baton/contracts'
import {
  assembleExperiment,
  cancelExperiment,
  completeFold,
  createMatrix,
  decideHalving,
  dispatchOutbox,
  experimentSpan,
  heartbeat,
  reconcile,
} from '@baton/core'
import { aLease, aResult, aSession, aSpec, createWorld, runSql } from '@baton/testing'
import type { World } from '@baton/testing'
import type { Span } from '@baton/trace'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startRest } from '../support/rest.ts'
import type { Rest } from '../support/rest.ts'

let world: World
let rest: Rest
let owner: Client
let sessionId: string
const spans: Span[] = []

const params = { project: 'emoji' }

beforeAll(async () => {
  world = await createWorld()
  const tracer = { record: (span: Span) => void spans.push(span), close: () => Promise.resolve() }
  rest = await startRest(world, tracer)
  ;({ owner } = rest)
  sessionId = await aSession(world)
})
afterAll(async () => {
  await rest.close()
  await world.close()
})
beforeEach(async () => {
  await runSql(world.databaseUrl, `UPDATE fold SET status = 'cancelled' WHERE status IN ('ready', 'leased')`)
})

function aMatrix(matrix: Record<string, unknown>, changes: Record<string, unknown> = {}) {
  const { name, dataset, folds, model, image, stages } = aSpec({ name: 'ablation', folds: { count: 3 }, ...changes })
  return { name, dataset, folds, model, image, stages, matrix } as Parameters<Client['createMatrix']>[0]['body']
}

const experiments = async () => {
  const [row] = (await runSql(world.databaseUrl, 'SELECT count(*)::int AS n FROM experiment')) as { n: number }[]
  return row!.n
}

describe('a matrix', () => {
  test('starts all of its experiments, one number after the other, and the board finds them by it', async () => {
    const before = await experiments()
    const body = aMatrix({ 'model.width': [2, 4], 'stages.all.epochs': [1, 2] })
    const matrix = await owner.createMatrix({ params, body })
    const first = before + 1
    expect(matrix).toMatchObject({ project: 'emoji', version: first, name: 'ablation', baseline: first, warnings: [] })
    expect(
      matrix.cells.map(({ version, values, status, foldsTotal }) => [version, values, status, foldsTotal]),
    ).toEqual([
      [first, { 'model.width': 2, 'stages.all.epochs': 1 }, 'queued', 3],
      [first + 1, { 'model.width': 2, 'stages.all.epochs': 2 }, 'queued', 3],
      [first + 2, { 'model.width': 4, 'stages.all.epochs': 1 }, 'queued', 3],
      [first + 3, { 'model.width': 4, 'stages.all.epochs': 2 }, 'queued', 3],
    ])
    const cell = await owner.getExperiment({ params: { ...params, version: first + 2 } })
    expect(cell).toMatchObject({ matrix: first, parent: null, name: 'ablation: width=4, epochs=1' })
    expect(cell.spec).toMatchObject({ model: { width: 4 }, stages: [{ epochs: 1 }], dataset: 'emoji@1' })
    const { items } = await owner.listExperiments({ params, query: { where: `matrix = ${first}`, sort: 'version' } })
    expect(items.map(({ version }) => version)).toEqual([first, first + 1, first + 2, first + 3])
    expect(await owner.getMatrix({ params: { ...params, version: first + 3 }, query: {} })).toEqual(matrix)
  })

  test('begins the trace of each of its experiments with the one request', async () => {
    spans.length = 0
    const { cells } = await owner.createMatrix({ params, body: aMatrix({ seed: [1, 2] }) })
    await expect.poll(() => spans.length).toBe(2)
    const roots = cells.map(({ id }) => experimentSpan(id))
    expect(spans.map(({ traceId, spanId }) => ({ traceId, spanId }))).toEqual(roots)
    expect(spans[0]).toMatchObject({ name: 'POST /v1/projects/:project/matrices' })
  })

  test('is made once however often it is asked for under one key, also after a crash between', async () => {
    const before = await experiments()
    const body = aMatrix({ seed: [1, 2] })
    const call = { idempotencyKey: 'one matrix' }
    const made = await owner.createMatrix({ params, body }, call)
    expect(await owner.createMatrix({ params, body }, call)).toEqual(made)
    const request = { project: 'emoji', spec: MatrixSpec.parse(body), id: crypto.randomUUID() }
    const again = await createMatrix(world, request)
    expect(await createMatrix(world, request)).toEqual(again)
    expect(await experiments()).toBe(before + 4)
  })

  test.each<[what: string, matrix: Record<string, unknown>, pointer: string, detail: RegExp]>([
    ['a fault in one experiment', { seed: [1, -1] }, '/seed', /at least 0, not -1 \(where seed=-1\)/],
    [
      'a dataset that is not there',
      { dataset: ['emoji', 'imet'] },
      '/dataset',
      /no dataset imet; .*where dataset=imet/,
    ],
    ['more experiments than may be', { seed: Array.from({ length: 65 }, (_, i) => i) }, '/matrix/seed', /at most 64/],
    [
      'two axes of too many',
      { seed: [1, 2, 3, 4, 5, 6, 7, 8, 9], 'image.size': [8, 9, 10, 11, 12, 13, 14, 15] },
      '/matrix',
      /72 experiments, at most 64/,
    ],
  ])('with %s starts none of them', async (_, matrix, pointer, detail) => {
    const before = await experiments()
    await expect(owner.createMatrix({ params, body: aMatrix(matrix) })).rejects.toMatchObject({
      code: 'spec-invalid',
      faults: [{ pointer, detail: expect.stringMatching(detail) as string }],
    })
    expect(await experiments()).toBe(before)
    expect(await runSql(world.databaseUrl, `SELECT 1 FROM experiment WHERE matrix > ${before}`)).toEqual([])
  })

  test('that fails midway leaves nothing behind', async () => {
    const before = await experiments()
    const breaking = {
      ...world.store,
      transaction: <T>(work: (tables: World['store']) => Promise<T>) =>
        world.store.transaction((tables) =>
          work({
            ...(tables as World['store']),
            matrices: { ...tables.matrices, insert: () => Promise.reject(new Error('the power went')) },
          }),
        ),
    } as World['store']
    const spec = MatrixSpec.parse(aMatrix({ seed: [1, 2] }))
    await expect(createMatrix({ store: breaking }, { project: 'emoji', spec })).rejects.toThrow('the power went')
    expect(await experiments()).toBe(before)
  })

  test('is paused, resumed and cancelled whole; what has ended stays as it is', async () => {
    const { version, cells } = await owner.createMatrix({ params, body: aMatrix({ seed: [1, 2, 3] }) })
    const at = { params: { ...params, version } }
    const statuses = ({ cells: now }: { cells: readonly { status: string }[] }) => now.map(({ status }) => status)
    await owner.cancelExperiment({ params: { ...params, version: cells[1]!.version } })
    expect(statuses(await owner.pauseMatrix(at))).toEqual(['paused', 'cancelled', 'paused'])
    expect(statuses(await owner.pauseMatrix(at))).toEqual(['paused', 'cancelled', 'paused'])
    // Any of its experiments names it.
    const last = { params: { ...params, version: cells[2]!.version } }
    expect(statuses(await owner.resumeMatrix(last))).toEqual(['queued', 'cancelled', 'queued'])
    const lease = await aLease(world, sessionId)
    expect([cells[0]!.version, cells[2]!.version]).toContain(lease.version)
    expect(statuses(await owner.cancelMatrix(at))).toEqual(['cancelled', 'cancelled', 'cancelled'])
    expect(statuses(await owner.cancelMatrix(at))).toEqual(['cancelled', 'cancelled', 'cancelled'])
    await expect(owner.pauseMatrix(at)).rejects.toMatchObject({ code: 'conflict' })
    const told = (await runSql(
      world.databaseUrl,
      `SELECT count(*)::int AS n FROM event e JOIN experiment x ON x.id = e.experiment_id
       WHERE x.matrix = ${version} AND e.kind = 'experiment-cancelled'`,
    )) as { n: number }[]
    expect(told).toEqual([{ n: 3 }])
  })

  test('is listed with how far its experiments are, newest first', async () => {
    const first = await owner.createMatrix({ params, body: aMatrix({ seed: [1, 2] }) })
    const second = await owner.createMatrix({ params, body: aMatrix({ seed: [3, 4, 5] }, { name: 'second' }) })
    await owner.cancelExperiment({ params: { ...params, version: second.version + 1 } })
    await runSql(
      world.databaseUrl,
      `UPDATE experiment SET status = 'completed', cv = 0.5 WHERE version = ${second.version + 2}`,
    )
    const page = await owner.listMatrices({ params, query: { limit: 1 } })
    expect(page.items).toEqual([
      {
        version: second.version,
        name: 'second',
        createdAt: second.createdAt,
        halving: null,
        lastVersion: second.version + 2,
        experiments: 3,
        completed: 1,
        open: 1,
        cvBest: 0.5,
        best: second.version + 2,
      },
    ])
    const { items } = await owner.listMatrices({ params, query: { limit: 1, cursor: page.nextCursor! } })
    expect(items).toMatchObject([{ version: first.version, experiments: 2, open: 2, cvBest: null, best: null }])
  })

  test('is not found by an experiment of none, nor compared with one of another', async () => {
    const { version } = await owner.createExperiment({ params, body: aSpec() })
    const alone = owner.getMatrix({ params: { ...params, version }, query: {} })
    await expect(alone).rejects.toMatchObject({ code: 'not-found' })
    const matrix = await owner.createMatrix({ params, body: aMatrix({ seed: [1, 2] }) })
    const other = owner.getMatrix({ params: { ...params, version: matrix.version }, query: { baseline: version } })
    await expect(other).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringMatching(/no baseline/) as string,
    })
  })
})

/** Every label of so many samples of each fold is missed: what is right of the others decides the score. */
async function train(lease: Lease, missed: number, by = sessionId): Promise<void> {
  const result = await aResult(world, lease, { missed })
  await completeFold(world, { foldId: lease.foldId, fence: lease.fence, sessionId: by, step: 9, result })
}

describe('compared', () => {
  test('are folds of equal splits, by a paired test that is corrected for how many there are', async () => {
    const body = aMatrix({ 'model.width': [2, 4, 8] })
    const { version } = await owner.createMatrix({ params, body })
    const missed: Record<number, number[]> = {
      [version]: [0, 0, 0],
      [version + 1]: [1, 2, 1],
      [version + 2]: [3, 3, 2],
    }
    for (let i = 0; i < 9; i++) {
      const lease = await aLease(world, sessionId)
      await train(lease, missed[lease.version]![lease.fold]!)
    }
    for (const { version: cell } of (await owner.getMatrix({ params: { ...params, version }, query: {} })).cells)
      await assembleExperiment(world, {
        experimentId: (await owner.getExperiment({ params: { ...params, version: cell } })).id,
      })
    const matrix = await owner.getMatrix({ params: { ...params, version }, query: {} })
    expect(matrix.cells.map(({ status }) => status)).toEqual(['completed', 'completed', 'completed'])
    const [baseline, better, worse] = matrix.cells
    expect(baseline!.difference).toBeNull()
    const { difference } = await owner.compareExperiments({ params, query: { left: version, right: version + 1 } })
    expect(better!.difference).toEqual({ ...difference, pHolm: expect.any(Number) as number })
    expect(difference!.mean).toBeLessThan(0)
    expect(worse!.difference!.mean).toBeLessThan(better!.difference!.mean)
    const ps = [better!, worse!].map(({ difference: d }) => d!.pValue).sort((a, b) => a - b)
    const holm = [better!, worse!].map(({ difference: d }) => d!.pHolm).sort((a, b) => a - b)
    expect(holm).toEqual([Math.min(1, 2 * ps[0]!), Math.max(Math.min(1, 2 * ps[0]!), ps[1]!)])

    const turned = await owner.getMatrix({ params: { ...params, version }, query: { baseline: version + 2 } })
    expect(turned).toMatchObject({ baseline: version + 2, cells: [{}, {}, { difference: null }] })
    expect(turned.cells[0]!.difference!.mean).toBeCloseTo(-worse!.difference!.mean, 12)
  })

  test('not where they split otherwise, and a warning says so', async () => {
    const { version } = await owner.createMatrix({ params, body: aMatrix({ seed: [1, 2] }) })
    const { cells, warnings } = await owner.getMatrix({ params: { ...params, version }, query: {} })
    expect(cells.map(({ difference }) => difference)).toEqual([null, null])
    expect(warnings).toEqual([`#${version + 1}: folds are not comparable: seed 1 on the left, 2 on the right`])
  })
})

describe('halving', () => {
  const at = (version: number) => ({ params: { ...params, version } })
  const view = (version: number) => owner.getMatrix({ ...at(version), query: {} })
  const assembleAll = async (version: number) => {
    for (const cell of (await view(version)).cells)
      await assembleExperiment(world, { experimentId: (await owner.getExperiment(at(cell.version))).id })
  }
  /** Three experiments, the third far behind; the first folds of all of them are trained, by who leases them. */
  async function firstFolds(halving: Record<string, unknown> = {}, missed = [0, 0, 5]) {
    const body = { ...aMatrix({ 'model.width': [2, 4, 8] }), halving } as Parameters<Client['createMatrix']>[0]['body']
    const { version } = await owner.createMatrix({ params, body })
    for (let i = 0; i < 3; i++) {
      const lease = await aLease(world, sessionId)
      expect(lease.fold, 'first folds of all come first').toBe(0)
      await train(lease, missed[lease.version - version]!)
    }
    return version
  }
  const stops = async (version: number) => {
    const { cells } = await view(version)
    return cells.filter(({ stopped }) => stopped !== null).map((cell) => cell.version - version)
  }

  test('stops what is behind after the first fold, says why in an event, and lets the others finish', async () => {
    const version = await firstFolds()
    await assembleAll(version)
    const matrix = await view(version)
    expect(matrix).toMatchObject({ halving: { margin: 0.02, afterFolds: 1 }, foldsCompared: 1 })
    expect(matrix.cells.map(({ status }) => status)).toEqual(['running', 'running', 'cancelled'])
    const { stopped } = matrix.cells[2]!
    expect(stopped).toMatchObject({ folds: 1, best: version, bound: 0.02 })
    expect(stopped!.behind).toBeGreaterThan(0.02)
    const experiment = await owner.getExperiment(at(version + 2))
    expect(experiment).toMatchObject({ status: 'cancelled', stopped })
    expect(experiment.folds.map(({ status }) => status)).toEqual(['completed', 'cancelled', 'cancelled'])
    const events = await world.store.events.listByExperiment(experiment.id, { after: 0, limit: 50 })
    expect(events.map(({ payload }) => payload).at(-1)).toEqual({ kind: 'experiment-cancelled', halving: stopped })

    for (let i = 0; i < 4; i++) await train(await aLease(world, sessionId), 0)
    await assembleAll(version)
    const { cells, foldsCompared } = await view(version)
    expect(cells.map(({ status }) => status)).toEqual(['completed', 'completed', 'cancelled'])
    expect(foldsCompared).toBe(2)
  })

  test('is off by default: all finish', async () => {
    const body = aMatrix({ 'model.width': [2, 4] })
    const { version } = await owner.createMatrix({ params, body })
    for (let i = 0; i < 6; i++) {
      const lease = await aLease(world, sessionId)
      await train(lease, lease.version === version ? 5 : 0)
      await assembleAll(version)
    }
    expect((await view(version)).cells.map(({ status }) => status)).toEqual(['completed', 'completed'])
    expect(await view(version)).toMatchObject({ halving: null, foldsCompared: 0 })
  })

  test('tells the session that trains a fold of what is stopped, and its result is not taken', async () => {
    const version = await firstFolds({}, [0, 0, 5])
    const leases = [await aLease(world, sessionId)]
    const others = [await aSession(world, 'second'), await aSession(world, 'third')]
    for (const other of others) leases.push(await aLease(world, other))
    const sessions = [sessionId, ...others]
    await assembleAll(version)
    const i = leases.findIndex((lease) => lease.version === version + 2)
    const held = leases[i]!
    const proof = { foldId: held.foldId, fence: held.fence, sessionId: sessions[i]! }
    const beat = await heartbeat(world, { ...proof, progress: null, metrics: [], logs: [], secondsLeft: null })
    expect(beat.command).toBe('cancel')
    await train(held, 0, sessions[i])
    const experiment = await owner.getExperiment(at(version + 2))
    expect(experiment.folds.find(({ index }) => index === held.fold)).toMatchObject({
      status: 'cancelled',
      score: null,
    })
    for (const [j, lease] of leases.entries()) if (j !== i) await train(lease, 0, sessions[j])
  })

  test.each([1, 2, 3])('decides once, whoever asks at once and whatever finishes meanwhile (%i)', async () => {
    const version = await firstFolds()
    const cells = await Promise.all([0, 1, 2].map((i) => owner.getExperiment(at(version + i))))
    const sessions = [sessionId, await aSession(world, 'b'), await aSession(world, 'c')]
    const leases: Lease[] = []
    for (const session of sessions) leases.push(await aLease(world, session))
    await Promise.all([
      ...cells.flatMap(({ id }) => [id, id]).map((experimentId) => assembleExperiment(world, { experimentId })),
      ...leases.map((lease, i) => train(lease, 0, sessions[i])),
      reconcile(world),
      reconcile(world),
    ])
    await assembleAll(version)
    expect(await stops(version)).toEqual([2])
    const events = await world.store.events.listByExperiment(cells[2]!.id, { after: 0, limit: 50 })
    expect(events.filter(({ payload }) => payload.kind === 'experiment-cancelled')).toHaveLength(1)
    const stopped = await owner.getExperiment(at(version + 2))
    expect(stopped.folds.map(({ status }) => status)).not.toContain('ready')
    const { rows } = {
      rows: await runSql(world.databaseUrl, `SELECT folds_compared FROM matrix WHERE version = ${version}`),
    }
    expect(rows).toEqual([{ folds_compared: expect.toBeOneOf([1, 2]) as number }])
  })

  test('that a crash kept from deciding is made up for by the next pass', async () => {
    const version = await firstFolds()
    for (const i of [0, 1, 2]) {
      const { id } = await owner.getExperiment(at(version + i))
      // Dies after the scores, before the decision.
      const matrices = { ...world.store.matrices, lock: () => Promise.reject(new Error('the power went')) }
      const transaction = ((work) =>
        world.store.transaction((tables) => work({ ...tables, matrices }))) as World['store']['transaction']
      await expect(
        assembleExperiment({ ...world, store: { ...world.store, transaction } }, { experimentId: id }),
      ).rejects.toThrow('the power went')
    }
    expect(await stops(version)).toEqual([])
    await reconcile(world)
    expect(await stops(version)).toEqual([2])
  })

  test('does not wait for what a person cancelled', async () => {
    const body = { ...aMatrix({ 'model.width': [2, 4, 8] }), halving: {} } as Parameters<
      Client['createMatrix']
    >[0]['body']
    const { version, cells } = await owner.createMatrix({ params, body })
    for (let i = 0; i < 2; i++) {
      const lease = await aLease(world, sessionId)
      await train(lease, lease.version === version ? 0 : 5)
    }
    await assembleAll(version)
    expect(await stops(version)).toEqual([])
    await cancelExperiment(world, { project: 'emoji', version: cells[2]!.version })
    expect(await stops(version)).toEqual([1])
    await dispatchOutbox(world)
    const [{ id } = { id: '' }] = (await runSql(
      world.databaseUrl,
      `SELECT id FROM matrix WHERE version = ${version}`,
    )) as { id: string }[]
    await decideHalving(world, id)
    expect(await stops(version)).toEqual([1])
  })
})
