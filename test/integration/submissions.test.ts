import { createHash } from 'node:crypto'
import { labelRanges, labelsOf, MetricSpec } from '@baton/contracts'
import type { Client, Experiment, Submission } from '@baton/contracts'
import { dispatchOutbox, makeSubmission, reconcile, renderSubmission } from '@baton/core'
import { decode, encode } from '@baton/safetensors'
import { aCompletedExperiment, anExperiment, createWorld, runSql } from '@baton/testing'
import type { World } from '@baton/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startRest } from '../support/rest.ts'
import type { Rest } from '../support/rest.ts'

let world: World
let rest: Rest
let owner: Client
let experiment: Experiment
let params: { project: string; version: number }

beforeAll(async () => {
  world = await createWorld()
  rest = await startRest(world)
  owner = rest.owner
})
afterAll(async () => {
  await rest.close()
  await world.close()
})
beforeEach(async () => {
  experiment = await aCompletedExperiment(world)
  params = { project: 'emoji', version: experiment.version }
})

/** As the coordinator does, but in this thread. */
const make = (submissionId: string) =>
  makeSubmission({ ...world, render: async (input) => renderSubmission(input) }, { submissionId })

async function aSubmission(body: Parameters<Client['createSubmission']>[0]['body'] = {}): Promise<Submission> {
  const { id, number } = await owner.createSubmission({ params, body })
  await make(id)
  return owner.getSubmission({ params: { project: 'emoji', number } })
}

const fileOf = ({ file }: Submission) => new TextDecoder().decode(world.blobs.objects.get(file!.digest))
const bestLb = async () => {
  const { lbPublic, lbPrivate } = await owner.getExperiment({ params })
  return { lbPublic, lbPrivate }
}
const score = (number: number, body: { lbPublic?: number | null; lbPrivate?: number | null }) =>
  owner.scoreSubmission({ params: { project: 'emoji', number }, body })

/** The labels of each test sample, from the stored ensemble by the words of the spec: no code of Baton decides. */
function expectedRows(override: Record<string, number> = {}): Map<string, string[]> {
  const { tensors } = decode(world.blobs.objects.get(experiment.testPredictions!.digest)!)
  const sample = tensors.get('sample')!.data as Int32Array
  const rank = tensors.get('rank')!.data as Float32Array
  const threshold = tensors.get('threshold')!.data as Float32Array
  const { minLabels, maxLabels } = experiment.spec.metric
  const names = labelsOf(world.manifest)
  const groupOf = (label: number) => labelRanges(world.manifest).findIndex(({ end }) => label < end)
  return new Map(
    Array.from(sample, (index, row) => {
      const byRank = names
        .map((name, label) => ({ name, label, value: rank[row * names.length + label]! }))
        .sort((a, b) => b.value - a.value || a.label - b.label)
        .slice(0, maxLabels)
      const given = byRank.filter(({ label, value }, place) => {
        const { name } = world.manifest.labelGroups[groupOf(label)]!
        return place < minLabels || value > (override[name] ?? threshold[groupOf(label)]!)
      })
      const inOrder = given.sort((a, b) => a.label - b.label).map(({ name }) => name)
      return [world.manifest.samples[index]!.id, inOrder]
    }),
  )
}

describe('the file', () => {
  test('has a row for each test sample with the labels above the OOF thresholds', async () => {
    const submission = await aSubmission()
    const rows = [...expectedRows()].map(([id, labels]) => `${id},${labels.join(' ')}\n`)
    expect(rows.length).toBe(world.manifest.samples.filter(({ split }) => split === 'test').length)
    expect(new Set(rows.map((row) => row.split(',')[1])).size).toBeGreaterThan(1)
    expect(fileOf(submission)).toBe(`id,labels\n${rows.join('')}`)
    const bytes = world.blobs.objects.get(submission.file!.digest)!
    expect(submission).toMatchObject({
      status: 'ready',
      rows: rows.length,
      version: experiment.version,
      file: { digest: createHash('sha256').update(bytes).digest('hex'), sizeBytes: bytes.byteLength },
      failure: null,
    })
  })

  test('is written as the options say, at their thresholds', async () => {
    const thresholds = { tag: 0.2 }
    const submission = await aSubmission({ idColumn: 'image', labelsColumn: 'ids', labelForm: 'index', thresholds })
    const names = labelsOf(world.manifest)
    const rows = [...expectedRows(thresholds)].map(
      ([id, labels]) => `${id},${labels.map((name) => names.indexOf(name)).join(' ')}\n`,
    )
    expect(fileOf(submission)).toBe(`image,ids\n${rows.join('')}`)
    expect(submission.thresholds).toMatchObject(thresholds)
    expect(fileOf(submission)).not.toBe(
      fileOf(await aSubmission({ idColumn: 'image', labelsColumn: 'ids', labelForm: 'index' })),
    )
  })

  test('has labels above the thresholds of each sample, where distances lower them', () => {
    const factor = Float32Array.of(1, 0.9, 0.5, 0.1)
    const rowsAt = (threshold: number) => renderedWith(['a'], { thresholds: { all: threshold } }, null, factor)
    expect(rowsAt(0.95)).toBe('id,labels\ns20,\ns21,a\ns22,a\ns23,a\n')
    expect(
      renderedWith(
        ['a'],
        {},
        new TextEncoder().encode('id,labels\ns23,a\ns20,a\n'),
        factor.map((f) => 2 - f),
      ),
    ).toBe('id,labels\ns23,\ns20,a\n')
    expect(() => renderedWith(['a'], {}, null, factor.subarray(1))).toThrow(/not those of this dataset/)
  })

  test('quotes what would break a row', () => {
    const csv = renderedWith(['a,"b"'], { idColumn: 'the "id"' })
    expect(csv.split('\n').slice(0, 2)).toEqual(['"the ""id""",labels', 's20,"a,""b"""'])
  })

  test('cannot be made by name where a name has a space in it, and says what can', () => {
    expect(() => renderedWith(['blue whale'], {})).toThrow(/"blue whale".*labelForm index/)
    expect(renderedWith(['blue whale'], { labelForm: 'index' })).toContain('s20,0\n')
  })

  describe('from a template', () => {
    const text = (template: string) => Buffer.from(template)
    const labels = ['a', 'b']

    test('has its header, its rows in its order, and labels as it writes them', () => {
      expect(renderedWith(labels, {}, text('\uFEFFimage,ids\r\ns22,a\r\ns20,b a\r\n'))).toBe(
        'image,ids\ns22,a b\ns20,a b\n',
      )
      expect(renderedWith(labels, {}, text('image,ids\ns21,1 0\n'))).toBe('image,ids\ns21,0 1\n')
      // Labels that are called by digits are names.
      expect(renderedWith(['1', '0'], {}, text('image,ids\ns21,1\n'))).toBe('image,ids\ns21,1 0\n')
      // One without any label does not say how they are written.
      expect(renderedWith(labels, { labelForm: 'index' }, text('image,ids\ns21,\n'))).toBe('image,ids\ns21,0 1\n')
    })

    test('has a column of probabilities for each label, in its order', () => {
      const template = text('id,b,a\ns23,0,0\ns20,0,0\n')
      expect(renderedWith(labels, {}, template)).toBe('id,b,a\ns23,0.9,0.9\ns20,0.9,0.9\n')
      expect(renderedWith(labels, {}, text('id,1,0\ns23,0,0\n'))).toBe('id,1,0\ns23,0.9,0.9\n')
      expect(renderedWith(['a'], { as: 'probabilities' }, text('id,a\ns23,0\n'))).toBe('id,a\ns23,0.9\n')
    })

    const refused: [what: string, template: string, said: RegExp, as?: 'probabilities'][] = [
      ['a sample that is not there', 'id,labels\ns20,a\nx9,a\n', /line 3: the dataset has no sample "x9"/],
      ['a train sample', 'id,labels\ns0,a\n', /line 2: "s0" is a train sample/],
      ['a sample twice', 'id,labels\ns20,a\ns21,b\ns20,b\n', /line 4: "s20" stands already in line 2/],
      ['a label that is not there', 'id,labels\ns20,a\ns21,c\n', /line 3: "c" is neither a label/],
      ['a column that is no label', 'id,a,c\ns20,0,0\n', /line 1: the column "c" is neither a label/],
      ['a column twice', 'id,a,a\ns20,0,0\n', /line 1: the column of label a stands there twice/],
      [
        'too few columns',
        'id,b\ns20,0\n',
        /line 1: it has columns of 1 labels, and the dataset has 2/,
        'probabilities',
      ],
      ['a short row', 'id,labels\ns20\n', /line 2: it has 1 cells and the header 2/],
      ['one column', 'id\ns20\n', /line 1: it needs a header/],
      ['a broken quote', 'id,labels\n"s20,a\n', /line \d: it is no CSV/],
    ]
    test.each(refused)('with %s is refused, naming the line', (_, template, said, as) => {
      expect(() => renderedWith(labels, { as: as ?? null }, text(template))).toThrow(
        expect.objectContaining({ code: 'conflict', message: expect.stringMatching(said) as string }),
      )
    })

    test('that was not uploaded is refused; one that does not fit fails the submission, and stays as long as it does', async () => {
      const missing = { template: 'e'.repeat(64) }
      await expect(owner.createSubmission({ params, body: missing })).rejects.toMatchObject({ code: 'blob-missing' })
      const { digest } = await world.blobs.write(text('id,labels\nnobody,\n'))
      const { failure } = await aSubmission({ template: digest })
      expect(failure).toMatchObject({
        code: 'conflict',
        detail: 'the template, line 2: the dataset has no sample "nobody"',
      })
      expect(await world.store.artifacts.referrers(digest)).toEqual(['submission'])
    })
  })

  test('without a template has probabilities where they are asked for', () => {
    expect(renderedWith(['a', 'b c'], { as: 'probabilities' })).toMatch(/^id,a,b c\ns20,0\.9,0\.9\n/)
  })

  test('of predictions that are gone fails the submission, and says so', async () => {
    const { id, number } = await owner.createSubmission({ params, body: {} })
    const { digest } = experiment.testPredictions!
    const bytes = world.blobs.objects.get(digest)!
    world.blobs.objects.delete(digest)
    await make(id)
    world.blobs.objects.set(digest, bytes)
    const at = { params: { project: 'emoji', number } }
    expect(await owner.getSubmission(at)).toMatchObject({ status: 'failed', failure: { code: 'blob-missing' } })
    await expect(owner.downloadSubmission(at)).rejects.toMatchObject({ code: 'conflict' })
    await expect(score(number, { lbPublic: 0.5 })).rejects.toMatchObject({ code: 'conflict' })
  })

  test('is made once though its job runs twice, and though the queue lost it', async () => {
    const { id, number } = await owner.createSubmission({ params, body: {} })
    world.queue.submissions.length = 0
    await runSql(world.databaseUrl, `UPDATE submission SET created_at = now() - interval '1 minute' WHERE id = '${id}'`)
    await reconcile(world)
    expect(world.queue.submissions).toEqual([id])
    await Promise.all([make(id), make(id)])
    const { readyAt } = await owner.getSubmission({ params: { project: 'emoji', number } })
    await make(id)
    expect(await owner.getSubmission({ params: { project: 'emoji', number } })).toMatchObject({ readyAt })
    await reconcile(world)
    expect(world.queue.submissions).toEqual([id])
  })
})

/** The file of the test samples' predictions for other labels, all in one group and all given. */
function renderedWith(
  labels: string[],
  changes: Partial<Submission['options']>,
  template: Uint8Array | null = null,
  factor: Float32Array | null = null,
): string {
  const samples = world.manifest.samples.map((sample) => ({ ...sample, labels: sample.split === 'train' ? [0] : [] }))
  const manifest = { ...world.manifest, labelGroups: [{ name: 'all', labels }], samples }
  const { csv } = renderSubmission({
    manifest: new TextEncoder().encode(JSON.stringify(manifest)),
    predictions: encode(
      new Map([
        ['sample', { shape: [4], data: Int32Array.of(20, 21, 22, 23) }],
        ['rank', { shape: [4, labels.length], data: new Float32Array(4 * labels.length).fill(0.9) }],
        ['threshold', { shape: [1], data: Float32Array.of(0.5) }],
        ...(factor === null ? [] : [['factor', { shape: [factor.length], data: factor }] as const]),
      ]),
    ),
    metric: MetricSpec.parse({ minLabels: 0 }),
    labels: null,
    options: {
      idColumn: 'id',
      labelsColumn: 'labels',
      labelForm: 'name',
      thresholds: {},
      as: null,
      template: null,
      ...changes,
    },
    template,
  })
  return new TextDecoder().decode(csv)
}

describe('a submission', () => {
  test('is answered 202 with where it will be, and its job waits', async () => {
    const path = `/v1/projects/emoji/experiments/${experiment.version}/submissions`
    const post = () =>
      fetch(`${rest.url}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${rest.ownerToken}`, 'idempotency-key': `once-${experiment.id}` },
      })
    const response = await post()
    const body = (await response.json()) as Submission
    expect([response.status, response.headers.get('location')]).toEqual([
      202,
      `/v1/projects/emoji/submissions/${body.number}`,
    ])
    expect(body).toMatchObject({ status: 'queued', file: null, rows: null, thresholds: null })
    expect(world.queue.submissions.filter((id) => id === body.id)).toHaveLength(1)
    expect(((await (await post()).json()) as Submission).number).toBe(body.number)
  })

  test('of what is not completed, or of a label group that is not there, is refused and not numbered', async () => {
    const { number } = await aSubmission()
    const { version } = await anExperiment(world, { folds: { count: 2, only: [0] } })
    await expect(owner.createSubmission({ params: { project: 'emoji', version }, body: {} })).rejects.toMatchObject({
      code: 'conflict',
    })
    await owner.cancelExperiment({ params: { project: 'emoji', version } })
    await expect(owner.createSubmission({ params, body: { thresholds: { tagg: 0.5 } } })).rejects.toMatchObject({
      code: 'request-invalid',
      faults: [{ pointer: '/thresholds/tagg', detail: expect.stringContaining('category') as unknown }],
    })
    await expect(owner.createSubmission({ params, body: { idColumn: 'labels' } })).rejects.toMatchObject({
      faults: [{ pointer: '/labelsColumn' }],
    })
    expect((await aSubmission()).number).toBe(number + 1)
  })

  test('is listed newest first, of its experiment and of its project, page by page', async () => {
    const numbers: number[] = []
    for (let i = 0; i < 3; i++) numbers.unshift((await aSubmission()).number)
    const first = await owner.listExperimentSubmissions({ params, query: { limit: 2 } })
    const last = await owner.listExperimentSubmissions({
      params,
      query: { limit: 2, cursor: first.nextCursor ?? undefined },
    })
    expect([...first.items, ...last.items].map(({ number }) => number)).toEqual(numbers)
    expect(last.nextCursor).toBeNull()
    const all = await owner.listSubmissions({ params: { project: 'emoji' }, query: { limit: 200 } })
    expect(all.items.map(({ number }) => number)).toEqual(
      Array.from({ length: numbers[0]! }, (_, i) => numbers[0]! - i),
    )
  })

  test('is downloaded from an address that names its digest', async () => {
    const { number, file } = await aSubmission()
    const download = await owner.downloadSubmission({ params: { project: 'emoji', number } })
    expect(download).toEqual({ digest: file!.digest, url: `memory:${file!.digest}` })
  })
})

describe("an experiment's LB", () => {
  test('is that of its best public submission, and falls back when scores are taken back', async () => {
    const [one, two, three] = [await aSubmission(), await aSubmission(), await aSubmission()]
    await score(one.number, { lbPublic: 0.61, lbPrivate: 0.65 })
    expect(await bestLb()).toEqual({ lbPublic: 0.61, lbPrivate: 0.65 })
    await score(two.number, { lbPublic: 0.6, lbPrivate: 0.9 })
    await score(three.number, { lbPrivate: 0.99 })
    expect(await bestLb()).toEqual({ lbPublic: 0.61, lbPrivate: 0.65 })
    await score(two.number, { lbPublic: 0.62 })
    expect(await bestLb()).toEqual({ lbPublic: 0.62, lbPrivate: 0.9 })
    const { items } = await owner.getLeaderboard({ params: { project: 'emoji' }, query: {} })
    expect(items.find(({ version }) => version === experiment.version)).toMatchObject({ lbPublic: 0.62 })
    await score(two.number, { lbPublic: null })
    expect(await bestLb()).toEqual({ lbPublic: 0.61, lbPrivate: 0.65 })
    await score(one.number, { lbPublic: null })
    expect(await bestLb()).toEqual({ lbPublic: null, lbPrivate: null })
  })

  test('is what a person records until a submission is scored, and not after', async () => {
    await owner.recordLb({ params, body: { lbPublic: 0.5 } }, { ifMatch: '*' })
    const { number } = await aSubmission()
    await owner.recordLb({ params, body: { lbPublic: 0.7, lbPrivate: 0.7 } }, { ifMatch: '*' })
    await score(number, { lbPublic: 0.6 })
    expect(await bestLb()).toEqual({ lbPublic: 0.6, lbPrivate: null })
    await expect(owner.recordLb({ params, body: { lbPublic: 0.9 } }, { ifMatch: '*' })).rejects.toMatchObject({
      code: 'conflict',
    })
    await score(number, { lbPublic: null })
    await owner.recordLb({ params, body: { lbPublic: 0.9 } }, { ifMatch: '*' })
    expect(await bestLb()).toEqual({ lbPublic: 0.9, lbPrivate: null })
    await owner.recordLb({ params, body: { lbPublic: null } }, { ifMatch: '*' })
  })

  test('that beats the project is told with a sound, any other without', async () => {
    const chat = await world.store.chats.pair({ chatId: 7, title: 'me' })
    const [one, two] = [await aSubmission(), await aSubmission()]
    await score(one.number, { lbPublic: 0.8 })
    await score(two.number, { lbPublic: 0.7 })
    await score(one.number, { lbPublic: 0.8 })
    await score(two.number, { lbPublic: 0.81 })
    await dispatchOutbox(world)
    const due = await world.store.notifications.due(chat.id, 100)
    const told = due.sort((a, b) => a.event.id - b.event.id).map(({ event }) => event.payload)
    expect(told.filter(({ kind }) => kind === 'submission-scored')).toMatchObject([
      { submission: one.number, lbPublic: 0.8, isNewBest: true },
      { submission: two.number, lbPublic: 0.7, isNewBest: false },
      { submission: one.number, lbPublic: 0.8, isNewBest: false },
      { submission: two.number, lbPublic: 0.81, isNewBest: true },
    ])
  })
})
