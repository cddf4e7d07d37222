import { getCurves } from '@baton/core'
import type { LogQuery } from '@baton/core'
import type { Experiment, Lease } from '@baton/contracts'
import { aLease, anExperiment, aSession, createWorld, runSql } from '@baton/testing'
import type { World } from '@baton/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

let world: World
let experiment: Experiment
let leases: Lease[]

beforeAll(async () => {
  world = await createWorld()
  experiment = await anExperiment(world)
  leases = [await aLease(world, await aSession(world, 'one')), await aLease(world, await aSession(world, 'two'))]
})
afterAll(() => world.close())

const insertPoints = (foldId: string, fence: number, name: string, value: string, steps: [number, number]) =>
  runSql(
    world.databaseUrl,
    `INSERT INTO metric (fold_id, fence, seq, step, name, value)
     SELECT '${foldId}', ${fence}, step + ${name.length * 100_000}, step, '${name}', ${value} FROM generate_series(${steps[0]}, ${steps[1]}) step`,
  )

describe('curves', () => {
  test('are stitched over attempts, thinned in the database, and keep first, last, lowest and highest', async () => {
    const { foldId, fence } = leases[0]!
    await insertPoints(
      foldId,
      fence,
      'loss',
      `CASE WHEN step = 31337 THEN -5 WHEN step = 4242 THEN 7 ELSE 1 / (1 + step::float8) END`,
      [0, 59_999],
    )
    // A second attempt did the last steps again, and more.
    await runSql(
      world.databaseUrl,
      `INSERT INTO attempt (id, fold_id, number, fence, session_id, start_step)
       SELECT gen_random_uuid(), fold_id, 2, ${fence + 1}, session_id, 50000 FROM attempt WHERE fold_id = '${foldId}'`,
    )
    await insertPoints(foldId, fence + 1, 'loss', '0.5', [50_000, 69_999])
    await insertPoints(foldId, fence, 'lr', '0.001', [0, 9])
    const { attempts, curves } = await getCurves(world, {
      fold: { id: foldId, index: 0 },
      names: ['loss', 'lr', 'none'],
      points: 100,
    })
    expect(attempts.map(({ number, startStep }) => [number, startStep])).toEqual([
      [1, 0],
      [2, 50_000],
    ])
    const [loss, lr, none] = curves
    expect(loss!.pointsTotal).toBe(70_000)
    expect(loss!.points.length).toBeLessThanOrEqual(100)
    for (const [step, value] of [
      [0, 1],
      [31_337, -5],
      [4_242, 7],
      [69_999, 0.5],
    ] as const)
      expect(loss!.points.find((point) => point.step === step)?.value).toBe(value)
    expect(loss!.points.every(({ step, attempt }) => attempt === (step < 50_000 ? 1 : 2))).toBe(true)
    expect([lr!.pointsTotal, lr!.points.length, none!.points]).toEqual([10, 10, []])
    const { metrics } = world.store
    const shaping = await metrics.curve(foldId, { name: 'loss', buckets: 200 })
    expect(shaping.points.length).toBeLessThanOrEqual(402)
    expect(await metrics.names(foldId)).toEqual([
      { name: 'loss', lastStep: 69_999, lastValue: 0.5 },
      { name: 'lr', lastStep: 9, lastValue: 0.001 },
    ])
    const first = await metrics.list(foldId, { name: 'lr', limit: 6 })
    const rest = await metrics.list(foldId, { name: 'lr', limit: 6, cursor: first.nextCursor! })
    expect([...first.items, ...rest.items].map(({ step }) => step)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(rest.nextCursor).toBeNull()
  })
})

describe('log lines of an experiment', () => {
  const texts = async (query: Partial<LogQuery> = {}) => {
    const ids = experiment.folds.map(({ id }) => id)
    const read: string[] = []
    let cursor: string | undefined
    do {
      const page = await world.store.logs.list(ids, { order: 'oldest', limit: 2, ...query, cursor })
      read.push(...page.items.map(({ text }) => text))
      cursor = page.nextCursor ?? undefined
    } while (cursor !== undefined)
    return read
  }
  beforeAll(async () => {
    const lines = [
      [0, 'info', 'Epoch 1'],
      [1, 'info', 'epoch 1'],
      [0, 'warn', '100% of 5_0'],
      [1, 'error', 'loss is NaN'],
      [0, 'info', 'epoch 2'],
    ] as const
    for (const [i, [fold, level, text]] of lines.entries())
      await runSql(
        world.databaseUrl,
        `INSERT INTO log_line (fold_id, fence, seq, level, text, at) VALUES ('${leases[fold]!.foldId}', ${leases[fold]!.fence}, ${i + 1}, '${level}', '${text}', '2026-01-0${i + 1}T00:00:00Z')`,
      )
  })

  test('are read from either end, page by page', async () => {
    const all = ['Epoch 1', 'epoch 1', '100% of 5_0', 'loss is NaN', 'epoch 2']
    expect(await texts()).toEqual(all)
    expect(await texts({ order: 'newest' })).toEqual(all.toReversed())
  })

  test('are found by text, level and time', async () => {
    expect(await texts({ q: 'EPOCH' })).toEqual(['Epoch 1', 'epoch 1', 'epoch 2'])
    expect(await texts({ q: '0% of 5_' })).toEqual(['100% of 5_0'])
    expect(await texts({ q: 'epoch%' })).toEqual([])
    expect(await texts({ level: 'warn' })).toEqual(['100% of 5_0', 'loss is NaN'])
    expect(await texts({ since: '2026-01-02T00:00:00Z', until: '2026-01-04T00:00:00Z' })).toEqual([
      'epoch 1',
      '100% of 5_0',
    ])
    expect(await texts({ attempt: 2 })).toEqual([])
  })

  test('refuse a cursor of another order', async () => {
    const { nextCursor } = await world.store.logs.list([leases[0]!.foldId], { order: 'oldest', limit: 1 })
    const other = world.store.logs.list([leases[0]!.foldId], { order: 'newest', limit: 1, cursor: nextCursor! })
    await expect(other).rejects.toMatchObject({ code: 'request-invalid' })
  })
})
