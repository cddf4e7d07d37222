import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { firstThatWorks, prepareAlone } from './prepare.ts'
import { LIBRARY } from './python.ts'
import type { Source, SourceName, Works } from './source.ts'
import { readStamp } from './stamp.ts'

const silent = () => undefined

async function aFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'baton-tensorflow-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

/** A library and a binding on disk, as a preparation leaves them. */
async function somethingThatWorks(): Promise<Works & { library: string; binding: string }> {
  const library = await aFolder()
  const binding = path.join(library, 'tfjs_binding.node')
  await writeFile(path.join(library, LIBRARY), 'library')
  await writeFile(binding, 'binding')
  return { version: '2.15.1', device: 'a CPU', library, binding }
}

function aSource(name: SourceName, outcome: Works | string): Source & { calls: number } {
  return {
    name,
    calls: 0,
    inspect: async () => name,
    async prepare() {
      this.calls++
      if (typeof outcome === 'string') throw new Error(outcome)
      return outcome
    },
  }
}

test('the first source that works is taken, later ones are not asked, and what earlier ones lacked is kept', async () => {
  const works = await somethingThatWorks()
  const sources = [
    aSource('python', 'has no tensorflow'),
    aSource('fetched', works),
    aSource('javascript', 'not reached'),
  ]
  const report = await firstThatWorks(sources, silent)
  expect(report).toMatchObject({ source: 'fetched', version: '2.15.1', binding: works.binding })
  expect(report.tried).toEqual([
    { source: 'python', found: false, detail: 'has no tensorflow' },
    { source: 'fetched', found: true, detail: works.binding },
  ])
  expect(sources.map((source) => source.calls)).toEqual([1, 1, 0])
})

test('where nothing works the error names what each source lacked', async () => {
  const sources = [aSource('python', 'no python'), aSource('javascript', 'no tfjs')]
  await expect(firstThatWorks(sources, silent)).rejects.toMatchObject({
    code: 'tensorflow-unavailable',
    facts: { tried: [{ detail: 'no python' }, { detail: 'no tfjs' }] },
  })
})

test('a preparation is remembered, and several at once do the work once', async () => {
  const cache = await aFolder()
  const source = aSource('python', await somethingThatWorks())
  const reports = await Promise.all([1, 2, 3].map(() => prepareAlone(cache, [source], silent)))
  expect(source.calls).toBe(1)
  expect(new Set(reports.map((report) => JSON.stringify(report))).size).toBe(1)
  expect(await readStamp(cache)).toEqual(reports[0])
})

test.each<[what: string, change: (works: { library: string; binding: string }) => Promise<void>]>([
  ['its native module is gone', ({ binding }) => rm(binding)],
  ['its library is gone', ({ library }) => rm(path.join(library, LIBRARY))],
  ['its library was replaced', ({ library }) => writeFile(path.join(library, LIBRARY), 'another library')],
  ['its library was replaced by one as large', ({ library }) => utimes(path.join(library, LIBRARY), 1, 1)],
])('a preparation is forgotten when %s', async (_what, change) => {
  const cache = await aFolder()
  const works = await somethingThatWorks()
  await prepareAlone(cache, [aSource('python', works)], silent)
  await change(works)
  expect(await readStamp(cache)).toBeNull()
})

test.each([
  ['fetches another release', 'wheel'],
  ['compiles another native module', 'sessionOptions'],
])('a preparation is forgotten by a Baton that %s', async (_what, field) => {
  const cache = await aFolder()
  await prepareAlone(cache, [aSource('fetched', await somethingThatWorks())], silent)
  const stamp = path.join(
    cache,
    (await readdir(cache)).find((name) => name.startsWith('ready-'))!,
  )
  const stamped = JSON.parse(await readFile(stamp, 'utf8')) as Record<string, string>
  await writeFile(stamp, JSON.stringify({ ...stamped, [field]: `${stamped[field]!}.1` }))
  expect(await readStamp(cache)).toBeNull()
})

test('pure JavaScript serves until something better is there', async () => {
  const cache = await aFolder()
  const javascript: Works = { version: '4.22.0', device: 'JavaScript', library: null, binding: null }
  await prepareAlone(cache, [aSource('python', 'offline'), aSource('javascript', javascript)], silent)
  expect(await readStamp(cache)).toMatchObject({ source: 'javascript' })

  const report = await prepareAlone(cache, [aSource('python', await somethingThatWorks())], silent)
  expect(report.source).toBe('python')
  expect(await readStamp(cache)).toMatchObject({ source: 'python' })
})
