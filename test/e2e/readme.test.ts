import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestBaton } from '../support/baton.ts'
import type { TestBaton } from '../support/baton.ts'

const readme = await readFile(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8')
const hasCurl = spawnSync('curl', ['--version']).status === 0

/** The shell block below a heading. */
function blockUnder(heading: string): string {
  const section = readme.slice(readme.indexOf(`## ${heading}`))
  return /```sh\n(.*?)```/s.exec(section)![1]!
}

let world: TestBaton
beforeAll(async () => {
  world = await startTestBaton({ workers: 0 })
  await world.createEmoji('emoji')
})
afterAll(() => world.close())

describe.skipIf(!hasCurl)('the walk-through over REST', () => {
  test('does what it says, call for call', async () => {
    const calls = blockUnder('The same over REST')
      .split(/^(?=# )/m)
      .filter((call) => call.trim() !== '')
    const answers: Record<string, unknown>[] = []
    for (const call of calls) {
      const { code, stdout, stderr } = await world.run('bash', ['--norc', '-euo', 'pipefail', '-c', call])
      expect({ code, stderr }, call).toEqual({ code: 0, stderr: '' })
      answers.push(JSON.parse(stdout) as Record<string, unknown>)
    }
    expect(answers).toMatchObject([
      { version: 1, status: 'queued', foldsTotal: 5 },
      { version: 1, folds: [{ index: 0 }, {}, {}, {}, {}] },
      { items: [{ payload: { kind: 'experiment-created', folds: 5 } }] },
      { lbPublic: 0.601, lbPrivate: null },
      { items: [] },
    ])
  })

  test('starts nothing new when it is sent again', async () => {
    const [start] = blockUnder('The same over REST').split(/^(?=# Folds)/m)
    const { stdout } = await world.run('bash', ['--norc', '-euo', 'pipefail', '-c', start!])
    expect(JSON.parse(stdout)).toMatchObject({ version: 1 })
    expect((await world.baton.api.listExperiments({ params: { project: 'emoji' }, query: {} })).items).toHaveLength(1)
  })
})

test('every command it names is there', async () => {
  const named = new Set(Array.from(readme.matchAll(/\bbaton ([a-z]+)\b(?= |`|$)/gm), ([, name]) => name!))
  const { stdout } = await world.cli('--help')
  const known = new Set(Array.from(stdout.matchAll(/^ {2}([a-z]+)\b/gm), ([, name]) => name!))
  for (const name of ['up', 'project', 'dataset', 'run', 'leaderboard', 'enrol']) expect(named).toContain(name)
  expect([...named].filter((name) => !known.has(name))).toEqual([])
})
