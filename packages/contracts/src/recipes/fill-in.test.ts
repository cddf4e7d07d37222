import { describe, expect, test } from 'vitest'
import { parseCompleteSpec, parseSpec } from '../parse.ts'
import type { AppError } from '../problems.ts'
import { recipeNames } from './names.ts'
import { recipes } from './recipes.ts'

const own = { name: 'mine', dataset: 'imet', recipe: 'imet/ceshine-320' }
/** What a recipe cannot know. */
const needed: Readonly<Record<string, object>> = {
  'imet/distill-9': { targets: { distill: { teacher: 'imet#40' } } },
}

test.each(recipeNames)('%s makes a valid spec of a name and a dataset, which says all of it', (recipe) => {
  const spec = parseSpec({ name: 'mine', dataset: 'imet', recipe, ...needed[recipe] })
  const { model, stages } = recipes[recipe]
  expect(spec).toMatchObject({ recipe, model, stages })
  expect(parseCompleteSpec(JSON.parse(JSON.stringify(spec)))).toEqual(spec)
  expect(parseSpec(JSON.parse(JSON.stringify(spec)))).toEqual(spec)
})

test('a recipe that learns from teachers asks which', () => {
  expect(() => parseSpec({ name: 'mine', dataset: 'imet', recipe: 'imet/distill-9' })).toThrow(
    expect.objectContaining({
      faults: [expect.objectContaining({ pointer: '/targets/distill/teacher' })],
    }) as Error,
  )
  const spec = parseSpec({ name: 'mine', dataset: 'imet', recipe: 'imet/distill-9', ...needed['imet/distill-9'] })
  expect(spec.targets.distill).toMatchObject({ form: 'max', kappa: 0.7 })
})

describe('what the spec says itself wins', () => {
  test('at any depth', () => {
    const spec = parseSpec({ ...own, seed: 7, folds: { count: 3 }, image: { resize: 'pad' }, model: { dropout: 0.1 } })
    expect(spec).toMatchObject({
      seed: 7,
      folds: { count: 3, split: 'stratified' },
      image: { size: 320, resize: 'pad' },
      model: { name: 'seresnext50_32x4d', dropout: 0.1 },
    })
  })

  test('null too, which is no taking away', () => {
    expect(parseSpec({ ...own, earlyStop: null, stages: { all: { mix: null } } })).toMatchObject({
      earlyStop: null,
      stages: [{ name: 'head' }, { name: 'all', mix: null, clipNorm: 10 }],
    })
  })

  test('an option of another name is not mixed with the recipe’s', () => {
    const spec = parseSpec({
      ...own,
      model: { name: 'convnet' },
      stages: { all: { lrScale: null, optimizer: { name: 'sgdm' } } },
    })
    expect(spec.model).toMatchObject({ name: 'convnet', width: 16, blocks: 3, dropout: 0 })
    expect(spec.stages[1]!.optimizer).toEqual({
      name: 'sgdm',
      momentum: 0.9,
      nesterov: false,
      weightDecay: 0,
      decayBiasAndNorm: false,
    })
  })

  test('one of several ways to say a thing takes the place of the recipe’s', () => {
    const spec = parseSpec({
      ...own,
      evaluate: { everySteps: 10 },
      stages: { all: { steps: 100, lrScale: { decay: 0.5 } } },
    })
    expect(spec.evaluate).toMatchObject({ everySteps: 10, everyEpochs: 1, tta: 'flip' })
    expect(spec.stages[1]).toMatchObject({ steps: 100, lrScale: { decay: 0.5 } })
    expect(spec.stages[1]).not.toHaveProperty('epochs')
  })
})

describe('stages', () => {
  const names = (stages: unknown) => parseSpec({ ...own, stages }).stages.map(({ name }) => name)
  const tail = { epochs: 1, schedule: { name: 'constant', lr: 0.001 } }

  test('as a list are those there are, each filled in by its name', () => {
    const spec = parseSpec({
      ...own,
      stages: [
        { name: 'all', epochs: 2 },
        { name: 'tail', ...tail },
      ],
    })
    expect(spec.stages).toMatchObject([
      { name: 'all', epochs: 2, batch: 48, clipNorm: 10 },
      { name: 'tail', batch: 32 },
    ])
  })

  test('as an object change the recipe’s: take out, change, add', () => {
    expect(names({ head: null })).toEqual(['all'])
    expect(names({ tail })).toEqual(['head', 'all', 'tail'])
    expect(names({ all: { epochs: 2 } })).toEqual(['head', 'all'])
  })
})

test.each<[what: string, spec: unknown, pointer: string, detail: RegExp]>([
  ['an unknown recipe', { ...own, recipe: 'imet/ceshine-32' }, '/recipe', /did you mean "imet\/ceshine-320"\?/],
  ['a wrong field of its own', { ...own, stages: { all: { epochs: 0 } } }, '/stages/1/epochs', /must be .*more than 0/],
  ['a stage that is none', { ...own, stages: { all: 3 } }, '/stages/1', /must be an object, not 3/],
])('%s is a fault', (_, spec, pointer, detail) => {
  try {
    parseSpec(spec)
  } catch (error) {
    expect((error as AppError).faults).toContainEqual({ pointer, detail: expect.stringMatching(detail) as string })
    return
  }
  throw new Error('the spec was accepted')
})
