import { MatrixSpec } from '@baton/contracts'
import type { Client, Lease } from '@baton/contracts'
import { assembleExperiment, completeFold, createMatrix } from '@baton/core'
import { aLease, aResult, aSession, aSpec, createWorld, runSql } from '@baton/testing'
import type { World } from '@baton/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startRest } from '../support/rest.ts'
import type { Rest } from '../support/rest.ts'

let world: World
let rest: Rest
let owner: Client
let sessionId: string

const params = { project: 'emoji' }

beforeAll(async () => {
  world = await createWorld()
  rest = await startRest(world)
  ;({ owner } = rest)
  sessionId = await aSession(world)
})
afterAll(async () => {
  await rest.close()
  await world.close()
})
beforeEach(async () => {
  await runSql(world.databaseUrl, `UPDATE fold SET status = 'cancelled' WHERE status = 'ready'`)
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

describe('compared', () => {
  /** Every label of so many samples of each fold is missed: what is right of the others decides the score. */
  async function train(lease: Lease, missed: number): Promise<void> {
    const result = await aResult(world, lease, { missed })
    await completeFold(world, { foldId: lease.foldId, fence: lease.fence, sessionId, step: 9, result })
  }

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
