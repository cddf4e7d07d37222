import { expect, test } from 'vitest'
import { checkFoldInThread } from './check-fold-in-thread.ts'
import { manifest, predictedBy, spec } from './fixtures/two-folds.ts'

const [predictions] = predictedBy(7)

test('a fold’s own predictions pass', async () => {
  await expect(checkFoldInThread({ manifest, spec, predictions: predictions! })).resolves.toBeUndefined()
})

test('others are refused by the code that says so', async () => {
  const other = { ...predictions!, fold: 1 }
  await expect(checkFoldInThread({ manifest, spec, predictions: other })).rejects.toMatchObject({
    code: 'predictions-incomplete',
  })
})
