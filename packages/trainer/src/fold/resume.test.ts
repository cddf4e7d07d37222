import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cutAnywhere, threadsInUse } from '../fixtures/cut-anywhere.ts'
import { makeDrawnWorld } from '../fixtures/drawn-world.ts'
import type { DrawnWorld } from '../fixtures/drawn-world.ts'

/** A hunt: `BATON_TEST_RESUME_ROUNDS=500 BATON_TEST_RESUME_SEED=1000 npx vitest run --project unit --testTimeout=600000 fold/resume`. */
const { BATON_TEST_RESUME_ROUNDS = '8', BATON_TEST_RESUME_SEED = '5' } = process.env
const seeds = Array.from({ length: Number(BATON_TEST_RESUME_ROUNDS) }, (_, i) => Number(BATON_TEST_RESUME_SEED) + i)

let dir: string
let world: DrawnWorld
beforeAll(async () => {
  await tf.setBackend('cpu')
  dir = await mkdtemp(path.join(tmpdir(), 'baton-resume-'))
  world = await makeDrawnWorld(dir)
})
afterAll(() => rm(dir, { recursive: true }))

// Some are of a deep net, which takes long on a busy machine.
const timeout = 120_000

test.each(seeds)(
  'a training of any spec, cut anywhere, ends with the bytes of an uncut one, seed %i',
  { timeout },
  async (seed) => {
    const threads = threadsInUse()
    const { uncut, cut, ...of } = await cutAnywhere(seed, { world, dir })
    expect(cut, JSON.stringify(of)).toEqual(uncut)
    expect(threadsInUse()).toBe(threads)
  },
)
