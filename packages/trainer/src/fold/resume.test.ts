import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aMachine } from '../fixtures/a-machine.ts'
import { drawFrom } from '../fixtures/draw.ts'
import type { Draw } from '../fixtures/draw.ts'
import { drawSpec } from '../fixtures/draw-spec.ts'
import { makeDrawnWorld } from '../fixtures/drawn-world.ts'
import type { DrawnWorld } from '../fixtures/drawn-world.ts'
import { resultOf, trainSessions } from '../fixtures/train-sessions.ts'
import type { Session, SessionOptions } from '../fixtures/train-sessions.ts'

/** A hunt: `BATON_TEST_RESUME_ROUNDS=500 BATON_TEST_RESUME_SEED=1000 npx vitest run --project unit resume`. */
const { BATON_TEST_RESUME_ROUNDS = '8', BATON_TEST_RESUME_SEED = '5' } = process.env
const seeds = Array.from({ length: Number(BATON_TEST_RESUME_ROUNDS) }, (_, i) => Number(BATON_TEST_RESUME_SEED) + i)

let dir: string
let world: DrawnWorld
beforeAll(async () => {
  await tf.setBackend('cpu')
  dir = await mkdtemp(path.join(tmpdir(), 'baton-resume-'))
  world = await makeDrawnWorld(dir, aMachine(1))
})
afterAll(() => rm(dir, { recursive: true }))

/** How a session ends, and at which of its looks: anywhere in a step, an evaluation, a prediction. */
interface Cut {
  readonly how: 'hand-over' | 'kill'
  readonly look: number
}

/** Some come right after the session began, so that two or more follow each other closely. */
function drawCuts(draw: Draw, looks: number): Cut[] {
  return Array.from({ length: draw.whole(1, 4) }, () => ({
    how: draw.pick(['hand-over', 'kill']),
    look: draw.chance(0.3) ? draw.whole(1, 4) : draw.whole(1, looks),
  }))
}

/** Who is killed keeps what was saved before: here, nothing is saved because of it. */
function signalOf({ how, look }: Cut): NonNullable<SessionOptions['signal']> {
  const signal = how === 'kill' ? 'cancel' : 'hand-over'
  return (at) => (at >= look ? signal : null)
}

/** All that a finished fold leaves, and the manifest of the checkpoint from which only predicting was left. */
function leftBy(sessions: Session[]) {
  const { digests, best, position } = resultOf(sessions.at(-1)!)
  const last = sessions.flatMap(({ checkpoints }) => checkpoints).at(-1)!
  return { digests, best, position, manifest: last.manifest }
}

test.each(seeds)('a training of any spec, cut anywhere, ends with the bytes of an uncut one, seed %i', async (seed) => {
  const spec = drawSpec(seed)
  const draw = drawFrom('cuts', seed)
  const fold = draw.whole(0, spec.folds.count - 1)
  const folder = await mkdtemp(path.join(dir, 'seed-'))
  const sessions = trainSessions({ dir: folder, data: world.data, spec })
  const options: SessionOptions = { fold, run: await world.runOf(spec, fold), ports: aMachine(1) }
  const whole = await sessions.train({ ...options, signal: () => null })
  const cuts = drawCuts(draw, whole.polls)
  const pieces = await sessions.trainInPieces(cuts.map(signalOf), options)
  expect(leftBy(pieces), JSON.stringify({ cuts, spec })).toEqual(leftBy([whole]))
  await rm(folder, { recursive: true })
})
