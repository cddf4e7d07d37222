import { randomUUID } from 'node:crypto'
import { columnNames, isNullable, parseFilter, parseSort } from '@baton/contracts'
import type { Client, ColumnName, SortKey } from '@baton/contracts'
import { completeFold, handOverFold, listExperiments, listLeaderboard, recordLb } from '@baton/core'
import { aLease, anExperiment, aResult, aSession, aSpec, createWorld, runSql } from '@baton/testing'
import type { World } from '@baton/testing'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Prisma } from '../../packages/db/src/generated/client.ts'
import { boardPage } from '../../packages/db/src/tables/board-page.ts'
import { dice, holds, pool, randomFilter } from '../support/random-filters.ts'
import type { Seen } from '../support/random-filters.ts'
import { startRest } from '../support/rest.ts'
import type { Rest } from '../support/rest.ts'

let world: World
let api: Rest
let owner: Client
let token: string
let rows: Seen[]
let projectId: string

const rowCount = 160
const everything = { completedOnly: false, filter: null, sort: parseSort('version'), columns: columnNames, limit: 1000 }

beforeAll(async () => {
  world = await createWorld()
  api = await startRest(world)
  ;({ owner, ownerToken: token } = api)
  projectId = (await world.store.projects.insert({ slug: 'random', name: 'Random' })).id
  await insertRandomExperiments()
  rows = await readRows()
  await runSql(world.databaseUrl, 'ANALYZE experiment, tally')
})
afterAll(async () => {
  await api.close()
  await world.close()
})

describe('a filter', () => {
  test('leaves the same experiments as its definition, whatever it is', async () => {
    let some = 0
    for (let seed = 0; seed < 400; seed++) {
      const filter = randomFilter(dice(seed), 3)
      const page = await world.store.experiments.page({ ...everything, projectId, filter, columns: ['version'] })
      const expected = rows.filter((row) => holds(filter, row)).map(({ columns: { version } }) => version)
      expect(
        page.items.map(({ version }) => version),
        JSON.stringify(filter),
      ).toEqual(expected)
      if (expected.length > 0 && expected.length < rows.length) some += 1
    }
    expect(some).toBeGreaterThan(150)
  })

  test.each([
    `x' OR '1'='1`,
    `'; DROP TABLE experiment; --`,
    `$1`,
    `%`,
    `\\'; SELECT pg_sleep(10); --`,
    `{"a":1}`,
    `}') @> '{}`,
  ])('is data, never SQL: %s', async (text) => {
    const quoted = `'${text.replaceAll("'", "''")}'`
    const forms = [
      `name = ${quoted}`,
      `name ~ ${quoted}`,
      `name < ${quoted}`,
      `spec.name = ${quoted}`,
      `spec.stages.0.name = ${quoted}`,
      `spec.model.options.x IN (${quoted}, 1)`,
    ]
    for (const where of forms) {
      const { items } = await owner.listExperiments({ params: { project: 'random' }, query: { where, limit: 200 } })
      const filter = parseFilter(where)
      const expected = rows.filter((row) => holds(filter, row)).map(({ columns: { version } }) => version)
      expect(
        items.map(({ version }) => version),
        where,
      ).toEqual(expected.toReversed())
    }
  })

  test('that is wrong is a problem with the place of what is wrong', async () => {
    const wrong = owner.getLeaderboard({ params: { project: 'random' }, query: { where: 'cv > 0 AND cvv < 1' } })
    await expect(wrong).rejects.toMatchObject({
      code: 'request-invalid',
      facts: { position: 12 },
      faults: [{ pointer: '/where', detail: 'at character 12: there is no column "cvv"; did you mean "cv"?' }],
    })
    for (const query of [{ sort: '-cv,oops' }, { sort: 'cv,cv' }, { fields: 'cv,oops' }, { cursor: 'x' }, { sort: '' }])
      await expect(owner.listExperiments({ params: { project: 'random' }, query })).rejects.toMatchObject({
        code: 'request-invalid',
        faults: [{ pointer: `/${Object.keys(query)[0]!}` }],
      })
  })
})

describe('an order', () => {
  test.each([
    ...columnNames.flatMap((name) => [name, `-${name}`]),
    '-lbPublic,cv',
    'status,-gap,-version',
    '-model,lbPrivate,-cvStd',
  ])('%s, page after page, is that of all rows, those without a value last', async (text) => {
    const sort = parseSort(text)
    const expected = rows.toSorted(byKeys(sort)).map(({ columns: { version } }) => version)
    const paged: number[] = []
    const ranks: number[] = []
    let cursor: string | undefined
    do {
      const page = await world.store.experiments.page({ ...everything, projectId, sort, cursor, limit: 13 })
      paged.push(...page.items.map(({ version }) => version))
      ranks.push(...page.items.map(({ rank }) => rank))
      cursor = page.nextCursor ?? undefined
    } while (cursor !== undefined)
    expect(paged).toEqual(expected)
    expect(ranks).toEqual(expected.map((_, i) => i + 1))
  })

  test.each(columnNames.flatMap((name) => [name, `-${name}`]))(
    '%s reads a page deep in it from an index',
    async (text) => {
      const sort = parseSort(text)
      const { nextCursor } = await world.store.experiments.page({ ...everything, projectId, sort, limit: 40 })
      for (const cursor of [undefined, nextCursor!])
        for (const { text: sql, values } of await statementsOf({ ...everything, projectId, sort, cursor, limit: 40 })) {
          const plan = await explain(sql, values)
          expect(plan, sql).toMatch(/Index (Only )?Scan( Backward)? using \w+ on (experiment|tally) [et]/)
          // What orders by one column needs to sort at most those that are equal in it.
          expect(plan, sql).not.toMatch(/(?<!Incremental )Sort {2}\(|Seq Scan/)
          // The page begins where the one before ended, and not by passing over all that came before.
          const [ranges] = /Index Cond: .*/.exec(plan)!
          for (const key of sql.match(/(?<=WHERE .*)\b[et]\.\w+(?= [<>] \$)/g) ?? [])
            expect(ranges, plan).toContain(key.slice(2))
        }
    },
  )

  test('continues only with its own cursors', async () => {
    const params = { project: 'random' }
    const { nextCursor } = await owner.listExperiments({ params, query: { limit: 1 } })
    for (const query of [{ sort: 'cv' }, { where: 'cv > 0' }])
      await expect(owner.listExperiments({ params, query: { ...query, cursor: nextCursor! } })).rejects.toMatchObject({
        faults: [{ pointer: '/cursor' }],
      })
  })
})

describe('CSV', () => {
  const csv = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`${api.url}/v1/projects/random/${path}`, {
      headers: { authorization: `Bearer ${token}`, ...headers },
    })
    return { type: response.headers.get('content-type'), status: response.status, text: await response.text() }
  }

  test('has every row, with the columns asked for, by parameter or by header', async () => {
    const answer = await csv('experiments?format=csv&fields=version,name&sort=version')
    expect(answer).toMatchObject({ status: 200, type: expect.stringContaining('text/csv') as unknown })
    const records = parseCsv(answer.text)
    expect(records[0]).toEqual(['version', 'name'])
    expect(records.slice(1).map(([version]) => Number(version))).toEqual(rows.map((row) => row.columns.version))
    expect((await csv('experiments?fields=version,name&sort=version', { accept: 'text/csv' })).text).toBe(answer.text)
    expect((await csv('leaderboard?format=csv')).text.split('\r\n')[0]).toBe(
      'rank,version,name,code,cv,cvStd,lbPublic,gap,gpuHours',
    )
  })

  test('keeps names as they are, but for those that a spreadsheet would run', async () => {
    for (const name of ['=1+1', '+cmd', '-x', '@SUM(A1)', 'a,"b"\nc', 'plain'])
      await anExperiment(world, { name, folds: { count: 2 } })
    const answer = await fetch(`${api.url}/v1/projects/emoji/experiments?format=csv&fields=name&sort=version`, {
      headers: { authorization: `Bearer ${token}` },
    })
    const names = parseCsv(await answer.text())
      .slice(1)
      .map(([, name]) => name)
    expect(names).toEqual(["'=1+1", "'+cmd", "'-x", "'@SUM(A1)", 'a,"b"\nc', 'plain'])
  })

  test('of what is wrong is a problem, not a file', async () => {
    const answer = await csv('experiments?format=csv&where=oops')
    expect(answer).toMatchObject({ status: 400, type: expect.stringContaining('problem+json') as unknown })
  })
})

describe('the leaderboard', () => {
  test('a hundred rows are at most 20 kB', async () => {
    const url = `${api.url}/v1/projects/random/experiments?limit=100`
    const text = await (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).text()
    expect((JSON.parse(text) as { items: unknown[] }).items).toHaveLength(100)
    expect(text.length).toBeLessThanOrEqual(20_000)
  })

  test('has what is counted while folds are trained, and the gap once LB is recorded', async () => {
    world.queue.waiting.length = 0
    const { version } = await anExperiment(world, { name: 'counted', folds: { count: 2, only: [1] } })
    const [plain, gpu] = [await aSession(world), await aSession(world)]
    await runSql(world.databaseUrl, `UPDATE session SET accelerator = 'P100' WHERE id = '${gpu}'`)
    const of = async () =>
      (
        await listExperiments(world, {
          project: 'emoji',
          where: `version = ${version}`,
          fields: 'status,attempts,interruptions,foldsTotal,foldsCompleted,gpuHours,sessionHours,gap,cv',
          limit: 1,
        })
      ).items[0]!
    const backdate = () =>
      runSql(world.databaseUrl, `UPDATE attempt SET started_at = now() - interval '1 hour' WHERE status = 'running'`)

    const first = await aLease(world, plain)
    await backdate()
    await handOverFold(world, { foldId: first.foldId, fence: first.fence, sessionId: plain, step: 0 })
    expect(await of()).toMatchObject({ attempts: 1, interruptions: 1, foldsTotal: 1, foldsCompleted: 0, gpuHours: 0 })

    const second = await aLease(world, gpu)
    await backdate()
    const result = await aResult(world, second)
    await completeFold(world, { foldId: second.foldId, fence: second.fence, sessionId: gpu, step: 9, result })
    const done = await of()
    expect(done).toMatchObject({ attempts: 2, interruptions: 1, foldsCompleted: 1 })
    expect(done.gpuHours).toBeCloseTo(1, 2)
    expect(done.sessionHours).toBeCloseTo(2, 2)

    await runSql(world.databaseUrl, `UPDATE experiment SET cv = 0.75, status = 'completed' WHERE version = ${version}`)
    const at = { project: 'emoji', version, ifMatch: () => undefined }
    await recordLb(world, { ...at, lbPublic: 0.5 })
    expect(await of()).toMatchObject({ cv: 0.75, gap: 0.25 })
    const { items } = await listLeaderboard(world, { project: 'emoji', sort: '-gap', limit: 5 })
    expect(items).toMatchObject([{ rank: 1, version, gap: 0.25 }])
    await recordLb(world, { ...at, lbPublic: null })
    expect(await of()).toMatchObject({ gap: null })
  })
})

describe('a comparison', () => {
  const compare = (left: number, right: number) =>
    owner.compareExperiments({ params: { project: 'emoji' }, query: { left, right } })

  /** A completed experiment whose folds scored so. */
  async function scored(scores: readonly number[], changes: Record<string, unknown> = {}): Promise<number> {
    const { id, version } = await anExperiment(world, { folds: { count: 3 }, ...changes })
    for (const [index, score] of scores.entries())
      await runSql(
        world.databaseUrl,
        `UPDATE fold SET score = ${score}, status = 'completed' WHERE experiment_id = '${id}' AND index = ${index}`,
      )
    return version
  }

  test('has spec differences, and how sure the difference of the folds is', async () => {
    const left = await scored([0.5, 0.52, 0.51], { name: 'left' })
    const right = await scored([0.53, 0.54, 0.55], { name: 'right', model: { name: 'resnet' } })
    const { spec, folds, difference, warnings, left: one } = await compare(left, right)
    expect(one).toMatchObject({ version: left, name: 'left', foldsTotal: 3, gpuHours: 0, lbPublic: null })
    expect(spec).toContainEqual({ pointer: '/model/name', left: 'convnet', right: 'resnet' })
    expect(spec).toContainEqual({ pointer: '/model/blocks', left: 3 })
    expect(folds.map(({ fold }) => fold)).toEqual([0, 1, 2])
    expect(folds[2]!.difference).toBeCloseTo(0.04, 12)
    expect(difference).toMatchObject({ folds: 3, level: 0.95 })
    expect(difference!.mean).toBeCloseTo(0.03, 12)
    expect(difference!.low + difference!.high).toBeCloseTo(0.06, 12)
    expect(warnings).toEqual([])
  })

  test('of an experiment with itself finds no difference', async () => {
    const version = await scored([0.5, 0.6, 0.7])
    const { spec, difference } = await compare(version, version)
    expect(spec).toEqual([])
    expect(difference).toMatchObject({ mean: 0, low: 0, high: 0, pValue: 1 })
  })

  test('of other splits or metrics warns, and claims nothing of the folds together', async () => {
    const left = await scored([0.5, 0.52, 0.51])
    const right = await scored([0.53, 0.54, 0.55], { seed: 7, metric: { beta: 1 } })
    const { difference, warnings, folds } = await compare(left, right)
    expect(difference).toBeNull()
    expect(warnings).toEqual([
      'folds are not comparable: seed 0 on the left, 7 on the right',
      'scores are not comparable: the metrics differ in beta',
    ])
    expect(folds[0]).toMatchObject({ left: 0.5, right: 0.53 })
  })

  test('of folds that are not scored leaves their difference open', async () => {
    const { folds, difference } = await compare(await scored([0.5]), await scored([0.6, 0.7]))
    expect(folds.map((fold) => fold.difference === null)).toEqual([false, true, true])
    expect(difference).toBeNull()
  })

  test('with what is not there is a problem', async () => {
    await expect(compare(1, 9999)).rejects.toMatchObject({ code: 'not-found' })
  })
})

/** The statements that a page is read by. */
async function statementsOf(query: Parameters<typeof boardPage>[1]): Promise<{ text: string; values: unknown[] }[]> {
  const asked: { text: string; values: unknown[] }[] = []
  const $queryRaw = (strings: TemplateStringsArray, ...values: never[]) => {
    asked.push(Prisma.sql(strings, ...values))
    return Promise.resolve([])
  }
  await boardPage({ $queryRaw } as never, query)
  return asked
}

/** The plan of a statement where the table were large: few rows are read faster without an index. */
async function explain(sql: string, values: unknown[]): Promise<string> {
  const client = new pg.Client({ connectionString: world.databaseUrl })
  await client.connect()
  try {
    await client.query('SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off')
    const { rows: lines } = await client.query<Record<string, string>>(`EXPLAIN ${sql}`, values)
    return lines.map((line) => line['QUERY PLAN']).join('\n')
  } finally {
    await client.end()
  }
}

async function insertRandomExperiments(): Promise<void> {
  const draw = dice(99)
  const datasetVersionId = (await world.store.datasets.find(
    (await world.store.projects.find('emoji'))!.id,
    'emoji',
    null,
  ))!.id
  const maybe = <T>(value: T) => (draw.below(3) === 0 ? null : value)
  for (let version = 1; version <= rowCount; version++) {
    const spec = randomSpec(draw)
    const id = randomUUID()
    const at = () => `'${new Date(draw.pick(pool.moments)).toISOString()}'::timestamptz`
    const number = () => String(maybe(draw.pick(pool.numbers)) ?? 'NULL')
    const whole = () => draw.below(4)
    await runSql(
      world.databaseUrl,
      `INSERT INTO experiment (id, project_id, version, name, status, spec, spec_digest, dataset_version_id, cv, cv_mean, cv_std,
         fold_min, fold_max, lb_public, lb_private, parent, created_at, completed_at)
       VALUES ('${id}', '${projectId}', ${version}, ${literal(spec.name)}, '${draw.pick(['queued', 'running', 'completed', 'failed'])}',
         ${literal(JSON.stringify(spec))}, 'x', '${datasetVersionId}', ${Array.from({ length: 7 }, number).join(', ')}, ${maybe(1 + whole()) ?? 'NULL'},
         ${at()}, ${maybe(at()) ?? 'NULL'});
       INSERT INTO tally (experiment_id, project_id, version, attempts, interruptions, folds_total, folds_completed, session_seconds, gpu_seconds)
       VALUES ('${id}', '${projectId}', ${version}, ${whole()}, ${whole()}, ${1 + whole()}, ${whole()}, ${3600 * whole()}, ${1000 * whole()})`,
    )
  }
}

function randomSpec(draw: ReturnType<typeof dice>) {
  const scalar = () => draw.pick<unknown>([...pool.numbers, ...pool.texts, true, false, null])
  const model = draw.pick([
    { name: 'convnet' },
    { name: 'resnet', options: {} },
    { name: 'bundle', options: { x: scalar(), 0: scalar(), list: [scalar(), scalar()] } },
    { name: 'bundle', options: [scalar(), scalar()] },
  ])
  const stages = Array.from({ length: 1 + draw.below(2) }, () => ({
    name: draw.pick(pool.texts),
    schedule: { lr: draw.pick(pool.numbers) },
  }))
  return {
    ...aSpec(),
    name: draw.pick(pool.texts),
    dataset: draw.pick(['emoji@1', 'emoji@2', 'a']),
    code: draw.pick([null, 'ab'.repeat(32)]),
    seed: draw.pick(pool.numbers),
    model,
    stages,
  }
}

function literal(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

/** The rows as a person would read them off, moments in milliseconds. */
async function readRows(): Promise<Seen[]> {
  const read = await runSql(
    world.databaseUrl,
    `SELECT e.*, t.attempts, t.interruptions, t.folds_total, t.folds_completed, t.session_seconds / 3600 AS session_hours,
       t.gpu_seconds / 3600 AS gpu_hours, left(e.spec->>'code', 12) AS code, e.cv - e.lb_public AS gap
     FROM experiment e JOIN tally t ON t.experiment_id = e.id WHERE e.project_id = '${projectId}' ORDER BY e.version`,
  )
  return read.map((row) => ({
    spec: row.spec,
    columns: Object.fromEntries(
      columnNames.map((name) => {
        const value = row[snake(name)]
        return [name, value instanceof Date ? value.getTime() : value]
      }),
    ) as Seen['columns'],
  }))
}

const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

function byKeys(sort: readonly SortKey[]): (a: Seen, b: Seen) => number {
  return (a, b) => {
    for (const { column, descending } of sort) {
      const order = inOrder(column, a.columns[column], b.columns[column])
      if (order === 'last') return a.columns[column] === null ? 1 : -1
      if (order !== 0) return descending ? -order : order
    }
    return 0
  }
}

function inOrder(column: ColumnName, a: number | string | null, b: number | string | null): number | 'last' {
  if (a === b) return 0
  if (a === null || b === null) {
    expect(isNullable(column)).toBe(true)
    return 'last'
  }
  return typeof a === 'number' ? Math.sign(a - Number(b)) : Buffer.compare(Buffer.from(a), Buffer.from(String(b)))
}

/** Records of an RFC 4180 file. */
function parseCsv(text: string): string[][] {
  const records: string[][] = [[]]
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/g)) {
    if (plain === '' && end === '' && records.at(-1)!.length === 0) break
    records.at(-1)!.push(quoted === undefined ? plain! : quoted.replaceAll('""', '"'))
    if (end === '\r\n') records.push([])
  }
  return records.filter((record) => record.length > 0)
}
