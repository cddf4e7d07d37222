import { MetricSpec } from '@baton/contracts'
import type { DatasetManifest } from '@baton/contracts'
import { renderSubmission } from '@baton/core'
import type { RenderSubmissionInput } from '@baton/core'
import { encode } from '@baton/safetensors'
import { expect, test } from 'vitest'
import { renderSubmissionInThread } from './render-submission-in-thread.ts'

const manifest: DatasetManifest = {
  format: 'baton.dataset/1',
  labelGroups: [{ name: 'all', labels: ['a', 'b c'] }],
  shards: [{ digest: '0'.repeat(64), sizeBytes: 20 }],
  samples: (['train', 'test'] as const).map((split, i) => ({
    id: split,
    split,
    group: null,
    labels: split === 'train' ? [0] : [],
    shard: 0,
    offset: i * 10,
    length: 10,
    digest: '1'.repeat(64),
  })),
  licences: [],
}
const input: RenderSubmissionInput = {
  manifest: new TextEncoder().encode(JSON.stringify(manifest)),
  predictions: encode(
    new Map([
      ['sample', { shape: [1], data: Int32Array.of(1) }],
      ['rank', { shape: [1, 2], data: Float32Array.of(0.1, 0.9) }],
      ['threshold', { shape: [1], data: Float32Array.of(0.5) }],
    ]),
  ),
  metric: MetricSpec.parse({}),
  labels: null,
  options: { idColumn: 'id', labelsColumn: 'labels', labelForm: 'index', thresholds: {}, as: null, template: null },
  template: null,
}

test('the thread writes what the function does', async () => {
  const { csv, ...rest } = await renderSubmissionInThread(input)
  const { csv: expected, ...same } = renderSubmission(input)
  expect(rest).toEqual(same)
  expect(Buffer.from(csv).toString()).toBe('id,labels\ntest,1\n')
  expect(Buffer.from(csv)).toEqual(Buffer.from(expected))
})

test('a problem found in the thread keeps its code', async () => {
  const byName = { ...input, options: { ...input.options, labelForm: 'name' as const } }
  await expect(renderSubmissionInThread(byName)).rejects.toMatchObject({ code: 'conflict' })
})
