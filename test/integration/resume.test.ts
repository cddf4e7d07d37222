import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { LoadedTensorflow } from '@baton/tensorflow'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cutAnywhere, threadsInUse } from '../../packages/trainer/src/fixtures/cut-anywhere.ts'
import { makeDrawnWorld } from '../../packages/trainer/src/fixtures/drawn-world.ts'
import type { DrawnWorld } from '../../packages/trainer/src/fixtures/drawn-world.ts'
import { loadNative } from '../support/native-tensorflow.ts'

/** A hunt: `BATON_TEST_RESUME_ROUNDS=500 BATON_TEST_RESUME_SEED=1000 npx vitest run --project integration resume`. */
const { BATON_TEST_RESUME_ROUNDS = '4', BATON_TEST_RESUME_SEED = '10' } = process.env
const seeds = Array.from({ length: Number(BATON_TEST_RESUME_ROUNDS) }, (_, i) => Number(BATON_TEST_RESUME_SEED) + i)

let dir: string
let tensorflow: LoadedTensorflow
let world: DrawnWorld
beforeAll(async () => {
  tensorflow = await loadNative()
  expect(tensorflow.environment.execution).toBe('compiled')
  dir = await mkdtemp(path.join(tmpdir(), 'baton-resume-'))
  world = await makeDrawnWorld(dir, { tensorflow })
})
afterAll(() => rm(dir, { recursive: true }))

test.each(seeds)(
  'with compiled steps, a training cut anywhere ends with the bytes of an uncut one, seed %i',
  async (seed) => {
    const threads = threadsInUse()
    const { uncut, cut, ...of } = await cutAnywhere(seed, { world, dir, tensorflow })
    expect(cut, JSON.stringify(of)).toEqual(uncut)
    expect(threadsInUse()).toBe(threads)
  },
)
