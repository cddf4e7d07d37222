import { spawn, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { startApi } from '@baton/api'
import type { RunningApi } from '@baton/api'
import { createClient, routes, SubmissionOptions } from '@baton/contracts'
import type { Role, RouteName, RouteSpec } from '@baton/contracts'
import { createArtifact, createSubmission, insertToken, makeSubmission, renderSubmission } from '@baton/core'
import { createLog } from '@baton/log'
import { aCompletedExperiment, anExperiment, createWorld } from '@baton/testing'
import type { World } from '@baton/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

/** Folder with schemathesis 4 and what it needs, as `.ci/run` installs it; else it is looked for where Python looks. */
const folder = process.env.BATON_TEST_SCHEMATHESIS
const env = { ...process.env, ...(folder === undefined ? {} : { PYTHONPATH: folder }) }
const schemathesis = (...args: string[]) => ['-m', 'schemathesis.cli', ...args]
const hasSchemathesis = spawnSync('python3', schemathesis('--version'), { env }).status === 0

const seconds = 25
const seed = 20261127

let world: World
let api: RunningApi
let work: string
let tokens: Record<'owner' | 'session', string>
/** Names that are there, so that what is made up beside them reaches the work behind a route. */
let there: Record<string, readonly (string | number)[]>

beforeAll(async () => {
  world = await createWorld()
  work = await mkdtemp(path.join(os.tmpdir(), 'baton-fuzz-'))
  const log = createLog({ app: 'api', level: 'silent' })
  api = await startApi({ ...world, host: '127.0.0.1', port: 0, database: world.store, s3: null, log })
  const issue = (role: Role) => insertToken(world.store, { name: role, role, project: null, validSeconds: null })
  const [owner, other, enrolment] = [await issue('owner'), await issue('viewer'), await issue('enrolment')]
  const enrolling = createClient({ url: api.url, token: enrolment.token })
  const session = await enrolling.registerSession({ body: { name: 'fuzz', provider: 'local' } })
  const { digest, number } = await whatACompletedExperimentLeft()
  const experiments = [await anExperiment(world), await anExperiment(world)]
  const worker = createClient({ url: api.url, token: session.token })
  const { lease } = await worker.acquireLease({ params: { session: session.id }, body: { waitSeconds: 0 } })
  tokens = { owner: owner.token, session: session.token }
  there = {
    project: ['emoji'],
    version: [1, ...experiments.map(({ version }) => version)],
    dataset: ['emoji'],
    number: [number],
    artifact: ['kept'],
    digest: [digest],
    fold: [lease!.foldId, ...experiments[1]!.folds.map(({ id }) => id)],
    session: [session.id],
    token: [other.id],
  }
})
afterAll(async () => {
  await api.close()
  await world.close()
  await rm(work, { recursive: true, force: true })
})

/** Version 1 is completed: its submission has a file, and its ensemble is kept as an artifact. */
async function whatACompletedExperimentLeft(): Promise<{ digest: string; number: number }> {
  const { version, testPredictions } = await aCompletedExperiment(world)
  const { digest } = testPredictions!
  const options = SubmissionOptions.parse({})
  const { id, number } = await createSubmission(world, { project: 'emoji', version, options, id: null })
  await makeSubmission({ ...world, render: async (input) => renderSubmission(input) }, { submissionId: id })
  await createArtifact(world, { project: 'emoji', name: 'kept', digest, kind: 'ensemble', note: '' })
  return { digest, number }
}

/** The served document with the names that are there, and without what would end the run: streams, long polls. */
async function document(): Promise<string> {
  const served = (await (await fetch(`${api.url}/v1/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { parameters: { name?: string; in?: string; schema: object }[] }>>
  }
  for (const operation of Object.values(served.paths).flatMap((methods) => Object.values(methods)))
    for (const parameter of operation.parameters)
      if (parameter.in === 'path' && there[parameter.name!])
        Object.assign(parameter, { schema: { enum: there[parameter.name!] }, example: there[parameter.name!]![0] })
  const file = path.join(work, 'openapi.json')
  const json = JSON.stringify(served).replaceAll('"minimum":0,"maximum":30', '"minimum":0,"maximum":0.01')
  await writeFile(file, json)
  return file
}

/** What the role may call: routes that do not go on for ever, and do not end what the run stands on. */
function namesFor(role: Role): RouteName[] {
  const named = Object.entries(routes) as [RouteName, RouteSpec][]
  return named
    .filter(
      ([name, { roles, stream }]) => !stream && name !== 'endSession' && (roles.length === 0 || roles.includes(role)),
    )
    .map(([name]) => name)
}

/** What was found; what was sent may be long. */
const shortened = (out: string) =>
  out
    .split('\n')
    .map((line) => line.slice(0, 300))
    .join('\n')
    .slice(-20_000)

const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
]

describe.skipIf(!hasSchemathesis)('requests made up from OpenAPI', () => {
  test.each(['owner', 'session'] as const)(
    'as %s: no error of ours, no answer that its schema does not allow',
    async (role) => {
      const args = schemathesis(
        'run',
        await document(),
        ...['--url', api.url, '--header', `Authorization: Bearer ${tokens[role]}`],
        ...['--checks', checks.join(','), '--phases', 'examples,coverage,fuzzing', '--continue-on-failure'],
        ...['--seed', String(seed), '--max-time', String(seconds), '--max-examples', '15', '--no-shrink'],
        ...['--request-timeout', '20', '--suppress-health-check', 'all', '--no-color'],
        ...namesFor(role).flatMap((name) => ['--include-operation-id', name]),
      )
      const child = spawn('python3', args, { cwd: work, env, stdio: ['ignore', 'pipe', 'pipe'] })
      const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
      const [out, code] = await Promise.all([text(child.stdout), exited])
      expect(code, shortened(out)).toBe(0)
      expect(out).toMatch(/\d+ generated/)
    },
  )
})
