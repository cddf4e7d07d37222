import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { DatasetManifest } from '@baton/contracts'
import type { AppError } from '@baton/contracts'
import sharp from 'sharp'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readDataset } from '../read-dataset.ts'
import { importDataset } from './import-dataset.ts'
import type { ImportedDataset } from './import-dataset.ts'
import type { ImportOptions } from './options.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'baton-dataset-'))
  await mkdir(join(root, 'images'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

const at = (name: string) => join(root, name)

async function put(name: string, content: string | Buffer): Promise<string> {
  await mkdir(dirname(at(name)), { recursive: true })
  await writeFile(at(name), content)
  return at(name)
}

const aPicture = (shade: number, format: 'png' | 'jpeg' = 'png') =>
  sharp({ create: { width: 8, height: 8, channels: 3, background: { r: shade, g: 0, b: 0 } } })
    .toFormat(format)
    .toBuffer()

/** Pictures `a.png`, `b.png`, … as many as names are given. */
async function putPictures(...names: string[]): Promise<void> {
  for (const [i, name] of names.entries()) await put(`images/${name}`, await aPicture(i))
}

function importing(labels: string, options: Partial<ImportOptions> = {}): Promise<ImportedDataset> {
  return importDataset({ images: at('images'), labels, out: at('out'), ...options })
}

test('a CSV as Kaggle writes it becomes a manifest whose samples point at their bytes', async () => {
  await putPictures('b.png', 'a.png', 'c.png')
  await put('images/d.jpg', await aPicture(9, 'jpeg'))
  const vocabulary = await put(
    'labels.csv',
    'attribute_id,attribute_name\n0,culture::french\n1,tag::vase\n2,tag::coin\n',
  )
  const labels = await put(
    'train.csv',
    '\uFEFFid,attribute_ids,group,split,fold\r\nc,2 0,,,\r\na,0 1,pair,train,1\r\nb,1,pair,train,1\r\nd,,,test,\r\n',
  )
  const { manifest, unusedImages, folder } = await importing(labels, { vocabulary, licences: ['CC0'] })

  expect(manifest.labelGroups).toEqual([
    { name: 'culture', labels: ['french'] },
    { name: 'tag', labels: ['vase', 'coin'] },
  ])
  expect(manifest.samples).toMatchObject([
    { id: 'a', labels: [0, 1], group: 'pair', split: 'train', fold: 1 },
    { id: 'b', labels: [1], group: 'pair', split: 'train', fold: 1 },
    { id: 'c', labels: [0, 2], group: null, split: 'train' },
    { id: 'd', labels: [], group: null, split: 'test' },
  ])
  expect(manifest.licences).toEqual(['CC0'])
  expect(unusedImages).toBe(0)
  const shard = await readFile(join(folder, 'shard-00000.tar'))
  for (const { id, offset, length, digest } of manifest.samples) {
    const bytes = shard.subarray(offset, offset + length)
    expect(bytes).toEqual(await readFile(at(`images/${id}.${id === 'd' ? 'jpg' : 'png'}`)))
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(digest)
  }
  const { stdout } = await promisify(execFile)('tar', ['tf', join(folder, 'shard-00000.tar')])
  expect(stdout.trim().split('\n')).toEqual(['a.png', 'b.png', 'c.png', 'd.jpg'])
})

test('what lies in the folder is the manifest that was answered, and opens again', async () => {
  await putPictures('a.png')
  const { manifest, manifestDigest, folder, shards } = await importing(await put('l.csv', 'id,labels\na,x\n'))
  const opened = await readDataset(folder)
  expect(opened.manifest).toEqual(manifest)
  expect(DatasetManifest.parse(JSON.parse(opened.manifestBytes.toString()))).toEqual(manifest)
  expect(createHash('sha256').update(opened.manifestBytes).digest('hex')).toBe(manifestDigest)
  expect(opened.shards).toEqual(shards)
})

test('equal input gives equal bytes whatever the order of rows, files and labels', async () => {
  await putPictures('a.png', 'b.png', 'c.png')
  const one = await importing(await put('1.csv', 'id,labels\na,tag::y tag::x\nb,culture::z\nc,\n'))
  const paths = ['c.png', 'a.png', 'b.png'].map((name) => at(`images/${name}`))
  const rows =
    '[{"id":"c","labels":[]},{"labels":{"culture":["z"]},"file":"b.png"},{"id":"a","labels":["tag::x","tag::y"]}]'
  const two = await importing(await put('2.json', rows), { images: paths, out: at('other') })
  expect(two.manifestDigest).toBe(one.manifestDigest)
  expect(await readFile(two.shards[0]!)).toEqual(await readFile(one.shards[0]!))
})

test('a column for each label group, folders of pictures and JSON lines are understood', async () => {
  await putPictures('x/a.png', 'x/b.png')
  const vocabulary = { culture: ['french', 'both'], tag: ['vase', 'both'] }
  const csv = await put('l.csv', 'file,culture,tag\nx/a.png,french both,both\nx/b.png,,vase\n')
  const jsonl = await put(
    'l.jsonl',
    '{"id":"x/a","labels":["french","culture::both","tag::both"]}\n\n{"id":"x/b","labels":{"tag":["vase"]}}\n',
  )
  const fromCsv = await importing(csv, { vocabulary })
  expect(fromCsv.manifest.samples.map(({ id, labels }) => [id, labels])).toEqual([
    ['x/a', [0, 1, 3]],
    ['x/b', [2]],
  ])
  expect((await importing(jsonl, { vocabulary, out: at('other') })).manifest).toEqual(fromCsv.manifest)
})

test('a YAML vocabulary keeps its order, and its labels are strings whatever they look like', async () => {
  await putPictures('a.png')
  const vocabulary = await put('groups.yaml', 'year: [1990, 1980]\nanswer: ["yes", no]\n')
  const { manifest } = await importing(await put('l.csv', 'id,labels\na,1980 no\n'), { vocabulary })
  expect(manifest.labelGroups).toEqual([
    { name: 'year', labels: ['1990', '1980'] },
    { name: 'answer', labels: ['yes', 'no'] },
  ])
  expect(manifest.samples[0]!.labels).toEqual([1, 3])
})

test('a folder of test pictures needs no rows', async () => {
  await putPictures('a.png', 'unused.png')
  await put('test/z.png', await aPicture(7))
  const { manifest, unusedImages } = await importing(await put('l.csv', 'id,labels\na,x\n'), { testImages: at('test') })
  expect(manifest.samples.map(({ id, split }) => [id, split])).toEqual([
    ['a', 'train'],
    ['z', 'test'],
  ])
  expect(unusedImages).toBe(1)
})

test('progress counts every picture checked and written', async () => {
  await putPictures('a.png', 'b.png')
  const seen: string[] = []
  const onProgress: ImportOptions['onProgress'] = ({ phase, done, total }) => seen.push(`${phase} ${done}/${total}`)
  await importing(await put('l.csv', 'id,labels\na,x\nb,x\n'), { onProgress })
  expect(seen).toEqual(['check 1/2', 'check 2/2', 'write 1/2', 'write 2/2'])
})

interface BadCase {
  what: string
  labels?: string
  file?: string
  vocabulary?: ImportOptions['vocabulary']
  prepare?: () => Promise<unknown>
  faults: [pointer: string, detail: RegExp][]
}

const badCases: BadCase[] = [
  {
    what: 'a label outside the vocabulary',
    labels: 'id,labels\na,vase\nb,vaze coin\n',
    faults: [['labels.csv:3', /label "vaze" is not in the vocabulary; did you mean "vase"\?/]],
  },
  {
    what: 'a label in two groups',
    vocabulary: { culture: ['coin'], tag: ['coin'] },
    labels: 'id,labels\na,coin\nb,tag::coin\n',
    faults: [['labels.csv:2', /in two groups; write culture::coin or tag::coin/]],
  },
  {
    what: 'an id used twice',
    labels: 'id,labels\na,vase\nb,coin\na,coin\n',
    faults: [['labels.csv:4', /id "a" stands already at labels\.csv:2/]],
  },
  {
    what: 'a row without its picture',
    labels: 'id,labels\na,vase\nz,coin\n',
    faults: [['labels.csv:3', /no picture "z"; add it or remove the row/]],
  },
  {
    what: 'two pictures that answer to one id',
    prepare: async () => put('images/a.jpg', await aPicture(1, 'jpeg')),
    labels: 'id,labels\na,vase\n',
    faults: [['labels.csv:2', /may be .*a\.(png|jpg) or .*a\.(png|jpg)/]],
  },
  {
    what: 'a picture that does not decode',
    prepare: async () => put('images/a.png', (await aPicture(1)).subarray(0, 60)),
    labels: 'id,labels\na,vase\nb,coin\n',
    faults: [['labels.csv:2', /a\.png: it does not decode/]],
  },
  {
    what: 'a text that calls itself a picture',
    prepare: () => put('images/a.png', 'not a picture'),
    labels: 'id,labels\na,vase\n',
    faults: [['labels.csv:2', /a\.png: it does not decode/]],
  },
  {
    what: 'a picture of a kind that may name other files',
    prepare: () => put('images/c.svg', '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>'),
    labels: 'id,labels\na,vase\nc,coin\n',
    faults: [['labels.csv:3', /c\.svg: it is not a jpeg, png/]],
  },
  {
    what: 'an empty picture',
    prepare: () => put('images/b.png', ''),
    labels: 'id,labels\na,vase\nb,coin\n',
    faults: [['labels.csv:3', /b\.png: the file is empty/]],
  },
  { what: 'an empty label file', labels: ' \n', faults: [['labels.csv', /the file is empty/]] },
  { what: 'a label file that is not there', faults: [['labels.csv', /cannot be read: ENOENT/]] },
  { what: 'a label file of an unknown kind', file: 'l.xlsx', labels: 'PK', faults: [['l.xlsx', /name it \.csv/]] },
  {
    what: 'a label file in another encoding',
    prepare: () => put('labels.csv', Buffer.from('id,labels\na,caf\xe9\n', 'latin1')),
    faults: [['labels.csv', /not UTF-8/]],
  },
  {
    what: 'a lost value that pandas writes as NaN',
    labels: 'id,labels\na,nan\nNaN,coin\nb,coin\n',
    faults: [
      ['labels.csv:2', /NaN/],
      ['labels.csv:3', /NaN/],
    ],
  },
  {
    what: 'NaN in JSON',
    file: 'l.json',
    labels: '[{"id":"a","labels":[NaN]}]',
    faults: [['l.json', /not JSON.*NaN is not JSON: leave the value out/]],
  },
  {
    what: 'a path out of the folder',
    labels: 'id,labels\n../a,vase\n/etc/passwd,vase\nC:\\a,coin\nx/../../a,coin\na,coin\n',
    faults: [
      ['labels.csv:2', /"\.\.\/a" leads out/],
      ['labels.csv:3', /leads out/],
      ['labels.csv:4', /leads out/],
      ['labels.csv:5', /leads out/],
    ],
  },
  {
    what: 'a link out of the folder',
    prepare: async () => symlink(await put('secret.png', await aPicture(1)), at('images/link.png')),
    labels: 'id,labels\na,vase\n',
    faults: [['link.png', /link out of the image folder/]],
  },
  {
    what: 'a link to a folder outside',
    prepare: () => symlink('/etc', at('images/etc')),
    labels: 'id,labels\na,vase\n',
    faults: [['etc', /link out of the image folder/]],
  },
  {
    what: 'a link to nothing',
    prepare: () => symlink('none', at('images/link.png')),
    labels: 'id,labels\na,vase\n',
    faults: [['link.png', /link to nothing/]],
  },
  {
    what: 'no labels column',
    labels: 'id,split\na,train\n',
    faults: [['labels.csv:1', /no labels column; add one of: labels, attribute_ids, tag/]],
  },
  { what: 'no id column', labels: 'labels\nvase\n', faults: [['labels.csv:1', /no column "id" or "file"/]] },
  {
    what: 'a column with a slip in its name',
    labels: 'id,labels,splt\na,vase,test\n',
    faults: [['labels.csv:1', /column "splt" is not known; did you mean "split"\?/]],
  },
  {
    what: 'a row with a comma too many',
    labels: 'id,labels\na,vase,coin\nb,coin\n',
    faults: [['labels.csv:2', /3 cells and the header 2/]],
  },
  { what: 'quotes that do not close', labels: 'id,labels\n"a,vase\n', faults: [['labels.csv:2', /not CSV/]] },
  {
    what: 'nothing to train on',
    labels: 'id,labels,split\na,,test\nb,,test\n',
    faults: [['labels.csv', /nothing to train on/]],
  },
  {
    what: 'a split that is not known',
    labels: 'id,labels,split\na,vase,valid\nb,coin,train\n',
    faults: [['labels.csv:2', /split "valid" is not known; write train or test/]],
  },
  {
    what: 'a test sample that gives its labels away',
    labels: 'id,labels,split\na,vase,test\nb,coin,train\n',
    faults: [['labels.csv:2', /must not carry labels/]],
  },
  {
    what: 'a group in both splits',
    labels: 'id,labels,group,split\na,vase,g,train\nb,,g,test\n',
    faults: [['labels.csv:3', /group "g" is in train at labels\.csv:2/]],
  },
  {
    what: 'a fold that is none, and one of a test sample',
    labels: 'id,labels,split,fold\na,vase,train,1.5\nb,,test,0\n',
    faults: [
      ['labels.csv:2', /fold "1.5" is none; write a whole number from 0 to 49/],
      ['labels.csv:3', /a test sample is of no fold/],
    ],
  },
  {
    what: 'a group in two folds',
    labels: 'id,labels,group,fold\na,vase,g,1\nb,coin,g,2\n',
    faults: [['labels.csv:3', /group "g" is in fold 1 at labels\.csv:2; keep a group within one fold/]],
  },
  {
    what: 'a JSON row of the wrong form',
    file: 'l.json',
    labels: '[{"id":"a","labels":["vase"]},{"id":7,"labels":"coin","splitt":"train"},{"id":"b"}]',
    faults: [
      ['l.json:2', /id must be a string, not 7/],
      ['l.json:2', /labels must be a list of labels/],
      ['l.json:2', /did you mean "split"/],
      ['l.json:3', /labels is missing/],
    ],
  },
  {
    what: 'a broken line among JSON lines',
    file: 'l.jsonl',
    labels: '{"id":"a","labels":["vase"]}\n{"id":"b",\n',
    faults: [['l.jsonl:2', /not JSON/]],
  },
  {
    what: 'JSON that is no list',
    file: 'l.json',
    labels: '{"a":["vase"]}',
    faults: [['l.json', /must be a list with an entry for every sample/]],
  },
  {
    what: 'a label that stands twice in the vocabulary',
    vocabulary: { tag: ['vase', 'coin', 'vase'] },
    labels: 'id,labels\na,vase\n',
    faults: [['vocabulary', /label "tag::vase" stands there twice/]],
  },
]

test.each(badCases)('$what is said by row and remedy, and nothing is written', async (bad) => {
  await putPictures('a.png', 'b.png')
  const file = bad.file ?? 'labels.csv'
  if (bad.labels !== undefined) await put(file, bad.labels)
  await bad.prepare?.()
  const before = await readdir(root)

  const refused = importing(at(file), { vocabulary: bad.vocabulary ?? { tag: ['vase', 'coin'] } })
  await expect(refused).rejects.toMatchObject({
    code: 'dataset-input-invalid',
    faults: bad.faults.map(([pointer, detail]) => ({ pointer, detail: expect.stringMatching(detail) as string })),
  })
  expect(await readdir(root)).toEqual(before)
})

test('faults of rows, files and labels are said together', async () => {
  await putPictures('a.png')
  await symlink('/etc/hosts', at('images/link.png'))
  const labels = await put('l.csv', 'id,labels\na,vase\na,vaze\nz,vase\n../b,vase\n')
  const error = await importing(labels, { vocabulary: { tag: ['vase'] } }).catch((e: unknown) => e)
  expect((error as { faults: { pointer: string }[] }).faults.map((fault) => fault.pointer).sort()).toEqual([
    'l.csv:3',
    'l.csv:3',
    'l.csv:4',
    'l.csv:5',
    'link.png',
  ])
})

test('a picture that changes after it was checked leaves nothing half-written', async () => {
  await putPictures('a.png', 'b.png')
  const labels = await put('l.csv', 'id,labels\na,x\nb,x\n')
  const before = await readdir(root)
  const onProgress: ImportOptions['onProgress'] = ({ phase, done }) => {
    if (phase === 'check' && done === 2) writeFileSync(at('images/b.png'), 'changed')
  }
  await expect(importing(labels, { onProgress })).rejects.toMatchObject({
    code: 'dataset-input-invalid',
    faults: [{ pointer: 'b.png', detail: 'it changed while it was imported; import again' }],
  })
  expect(await readdir(root)).toEqual(before)
})

test('rows that are all at fault are said as such where labels are only known from rows', async () => {
  await putPictures('a.png')
  const refused = importing(await put('l.csv', 'id,labels\n../a,x\nNaN,x\n'))
  await expect(refused).rejects.toMatchObject({ faults: [{ pointer: 'l.csv:2' }, { pointer: 'l.csv:3' }] })
  await expect(importing(await put('l.csv', 'id,labels\na,\n'))).rejects.toMatchObject({
    detail: 'l.csv: it has no label; give at least one',
  })
})

test('a header without rows, and faults by the hundred thousand, are said too', async () => {
  await expect(importing(await put('l.csv', 'id,labels\n'))).rejects.toMatchObject({
    detail: 'l.csv: no row is a train sample; there is nothing to train on',
  })
  const rows = Array.from({ length: 150_000 }, (_, i) => `${i},x\n`).join('')
  const error = (await importing(await put('l.csv', `id,labels\n${rows}`)).catch((e: unknown) => e)) as AppError
  expect(error.faults.at(-1)).toEqual({ pointer: '', detail: 'and 149000 more faults that are not listed' })
})

test('a folder that holds something is left alone', async () => {
  await putPictures('a.png')
  await put('out/mine.txt', 'kept')
  const labels = await put('l.csv', 'id,labels\na,x\n')
  await expect(importing(labels)).rejects.toMatchObject({ code: 'already-exists' })
  expect(await readdir(at('out'))).toEqual(['mine.txt'])
})

test('a dataset folder with a cut or missing shard does not open', async () => {
  await putPictures('a.png')
  const { folder, shards } = await importing(await put('l.csv', 'id,labels\na,x\n'))
  await writeFile(shards[0]!, 'cut')
  await expect(readDataset(folder)).rejects.toMatchObject({
    faults: [{ pointer: 'shard-00000.tar', detail: expect.stringMatching(/it has 3 bytes/) as string }],
  })
  await rm(shards[0]!)
  await expect(readDataset(folder)).rejects.toMatchObject({ code: 'dataset-input-invalid' })
  await writeFile(join(folder, 'manifest.json'), '{')
  await expect(readDataset(folder)).rejects.toMatchObject({ code: 'manifest-invalid' })
})
