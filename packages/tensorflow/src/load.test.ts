import { mkdtemp, mkdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { TrainingEnvironment } from '@baton/contracts'
import { loadTensorflow } from './load.ts'
import { tensorflowCache } from './prepare.ts'
import { writeStamp } from './stamp.ts'

test('with nothing but JavaScript it loads that, says so, and keeps to the settings it was loaded with', async () => {
  const cacheDir = await mkdtemp(path.join(tmpdir(), 'baton-load-'))
  onTestFinished(() => rm(cacheDir, { recursive: true }))
  await mkdir(tensorflowCache(cacheDir))
  const javascript = { version: '4.22.0', device: 'JavaScript', library: null, binding: null, tried: [] }
  await writeStamp(tensorflowCache(cacheDir), { source: 'javascript', ...javascript })

  const { tf, environment } = await loadTensorflow({ threads: 1, cacheDir })
  expect(TrainingEnvironment.omit({ precision: true }).parse(environment)).toMatchObject({
    backend: 'tfjs-cpu 4.22.0',
    device: 'JavaScript',
  })
  expect(tf.add(1, 2).dataSync()[0]).toBe(3)

  expect((await loadTensorflow({ threads: 1, cacheDir })).tf).toBe(tf)
  expect(() => loadTensorflow({ threads: 2, cacheDir })).toThrow(/cannot change/)
})
