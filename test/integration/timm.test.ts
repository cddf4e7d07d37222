import { readFileSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { ModelSpec } from '@baton/contracts'
import type { Tf } from '@baton/tensorflow'
import { compareWithTimm } from '../../packages/trainer/src/models/fixtures/compare-with-timm.ts'
import type { TimmReference } from '../../packages/trainer/src/models/fixtures/compare-with-timm.ts'
import { loadNativeTensorflow } from '../support/native-tensorflow.ts'

const fixture = path.resolve(import.meta.dirname, '../../packages/trainer/src/models/fixtures/timm.json')
const references = JSON.parse(readFileSync(fixture, 'utf8')) as Record<string, TimmReference>

let tf: Tf

beforeAll(async () => {
  tf = await loadNativeTensorflow()
})

test.each(Object.entries(references))(
  '%s with timm’s weights gives timm’s logits, and in training its gradients',
  (name, reference) => {
    const spec = ModelSpec.parse({ name: name.replace('mobilenetv2_100', 'mobilenetv2') })
    const difference = compareWithTimm(tf, spec, reference)
    expect(difference.logits).toBeLessThan(1e-4)
    expect(difference.norms, difference.worst).toBeLessThan(1e-4)
  },
)
