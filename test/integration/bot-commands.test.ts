import { heartbeat } from '@baton/core'
import { aLease, anExperiment, aSession } from '@baton/testing'
import type { FakeTelegram } from '@baton/testing'
import { expect, test } from 'vitest'
import { ask, polling, useBots } from './bot-world.ts'

const bots = useBots()

/** A bot whose client calls a real API, paired with chat 7. */
async function launchWithApi(telegram: FakeTelegram): Promise<void> {
  const { client } = await bots.startOwnApi()
  await bots.launch(polling(telegram), { client })
  await bots.pair(telegram, 7)
}

test('/status shows folds as bars with step, time left and session', async () => {
  const sessionId = await aSession(bots.world, 'kaggle-1')
  const { foldId, fence } = await aLease(bots.world, sessionId)
  await heartbeat(bots.world, {
    sessionId,
    foldId,
    fence,
    progress: {
      step: 30,
      totalSteps: 100,
      epoch: 1,
      stage: 'all',
      loss: 0.5,
      lr: 0.1,
      imagesPerSecond: null,
      etaSeconds: 900,
    },
    secondsLeft: 7200,
    metrics: [],
    logs: [],
  })
  const telegram = await bots.startTelegram()
  await launchWithApi(telegram)
  expect((await ask(telegram, '/status')).text).toBe(
    [
      'emoji #1 test: running, 0 of 2 folds',
      'f0 ███░░░░░░░ 30/100 ETA 15m kaggle-1',
      'f1 ░░░░░░░░░░ waiting',
      'Sessions:',
      'kaggle-1: local, 2h00m left',
    ].join('\n'),
  )
})

test('/top shows version, CV and LB, best first, as many as asked for, of the project that is named', async () => {
  const metrics = { fbetaSamples: 0.6, fbetaMicro: 0.6, fbetaMacro: 0.6, map: 0.6, auc: 0.9, logLoss: 0.1, groups: {} }
  const spread = { cvMean: 0.6, cvStd: 0.01, cvLow: 0.5, cvHigh: 0.8 }
  const scores = {
    ...spread,
    metrics,
    foldScores: [],
    thresholds: {},
    knnWeight: null,
    distanceSlope: null,
    testPredictions: null,
  }
  const better = await anExperiment(bots.world, { name: 'better' })
  await bots.world.store.experiments.complete(bots.experiment.id, { cv: 0.6, ...scores })
  await bots.world.store.experiments.complete(better.id, { cv: 0.7, ...scores })
  await bots.world.store.experiments.recordLb(better.id, { lbPublic: 0.69, lbPrivate: null })
  await bots.world.store.projects.insert({ slug: 'empty', name: 'Empty' })
  const telegram = await bots.startTelegram()
  await launchWithApi(telegram)

  const head = '           CV      LB'
  const rows = ['#2     0.7000  0.6900 better', '#1     0.6000       – test']
  const none = ['empty', 'No experiment is completed yet.']
  expect((await ask(telegram, '/top')).text).toBe(['emoji', head, ...rows, ...none].join('\n'))
  expect((await ask(telegram, '/top emoji 1')).text).toBe(['emoji', head, rows[0]].join('\n'))
  expect((await ask(telegram, '/top nothing')).text).toBe('There is no project nothing. Projects: emoji, empty')
})

test('while the API is away, a command says so and what to do', async () => {
  const telegram = await bots.startTelegram()
  await bots.launch(polling(telegram))
  await bots.pair(telegram, 7)
  expect((await ask(telegram, '/status')).text).toMatch(/^The service is starting[^]*Try again shortly\.$/)
})
