import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { runSql } from '@baton/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { credentials, region } from '../support/s3-credentials.ts'
import { findVersitygw } from '../support/s3-versitygw.ts'
import { openS3World } from '../support/s3-world.ts'
import type { S3World } from '../support/s3-world.ts'

/** What MinIO passes of the suite's 390 tests of objects. */
const minioPasses = 124
/** Tests that run at once, each on an endpoint of its own: the suite's buckets have the same names in every process. */
const lanesAtOnce = 3

const program = findVersitygw()

describe.skipIf(program === null)("versitygw's own suite against the embedded endpoint", () => {
  const worlds: S3World[] = []
  beforeAll(async () => {
    for (let i = 0; i < lanesAtOnce; i++) worlds.push(await openS3World())
  })
  afterAll(async () => {
    for (const world of worlds) await world.close()
  })

  test('passes each of the listed tests of objects', async () => {
    const names = (await readFile(new URL('../support/versitygw-tests.txt', import.meta.url), 'utf8'))
      .trim()
      .split('\n')
    expect(names.length).toBeGreaterThan(minioPasses)
    const failed: string[] = []
    const waiting = [...names]
    const lane = async (world: S3World) => {
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift())
        if (!(await passes(world, name))) failed.push(name)
    }
    await Promise.all(worlds.map(lane))
    expect(failed).toEqual([])
  }, 300_000)
})

/** Whether one test of the suite passes on an empty endpoint. One that fails may panic and leave its bucket behind. */
async function passes(world: S3World, name: string): Promise<boolean> {
  await runSql(world.database.url, 'TRUNCATE s3_bucket CASCADE')
  const { accessKeyId, secretAccessKey } = credentials
  const args = ['test', '-a', accessKeyId, '-s', secretAccessKey, '-e', world.server.url, name]
  const child = execFile(program!, args, { env: { PATH: process.env.PATH, AWS_REGION: region }, timeout: 60_000 })
  let output = ''
  child.stdout!.on('data', (chunk: string) => (output += chunk))
  await once(child, 'close')
  return output.includes('PASS') && !output.includes('FAIL')
}
