import { parseSpec, recipeNames } from '@baton/contracts'
import { expect, test } from 'vitest'
import { tinyWorld } from '../fixtures/tiny-world.ts'

const world = tinyWorld(scaledDown(recipeNames[0]), { train: 8, test: 2, side: 12 })

/** A step of each stage, of a small net that has the layer groups that recipes name. */
function scaledDown(recipe: string) {
  // Teachers have tests of their own.
  const targets = { distill: null }
  const { stages } = parseSpec({ name: 'whole', dataset: 'tiny', recipe, targets })
  return parseSpec({
    name: 'tiny',
    dataset: 'tiny',
    recipe,
    targets,
    folds: { count: 2 },
    model: { name: 'resnet', width: 2, layers: [1, 1, 1, 1] },
    image: { size: 8 },
    stages: Object.fromEntries(stages.map(({ name }) => [name, { steps: 1, batch: 4, accumulate: 1 }])),
    evaluate: { everyEpochs: 1, tta: 'none' },
  })
}

test.each(recipeNames)('%s trains, scaled down', async (recipe) => {
  const spec = scaledDown(recipe)
  const { outcome, metrics } = await world.train({ spec })
  expect(outcome).toMatchObject({ kind: 'completed', position: { step: spec.stages.length } })
  const losses = metrics.filter(({ name }) => name === 'train/loss')
  expect(losses).toHaveLength(spec.stages.length)
  for (const { value } of losses) expect(value).toBeGreaterThan(0)
})
