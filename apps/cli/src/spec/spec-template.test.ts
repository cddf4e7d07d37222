import { parseSpec } from '@baton/contracts'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { defaultAnswers, specTemplate } from './spec-template.ts'

test.each(['convnet', 'resnet'] as const)('the file for a %s is a valid spec of what was answered', (model) => {
  const answers = { ...defaultAnswers, model, name: 'it\'s "mine": # 1', dataset: 'imet', folds: 10, lr: 1e-5 }
  const spec = parseSpec(parse(specTemplate(answers)))
  expect(spec).toMatchObject({ name: answers.name, dataset: 'imet', folds: { count: 10 }, model: { name: model } })
  expect(spec.stages.map(({ schedule }) => schedule.lr)).toEqual([1e-5, 1e-5])
})

test('what is commented out is the default', () => {
  const bare = specTemplate(defaultAnswers)
  const keys = ['split: stratified', 'precision: fp32', 'onOom: shrink', 'pool: default', 'priority: 0']
  const spoken = keys.reduce((text, key) => text.replace(`# ${key}`, key), bare)
  expect(spoken).not.toBe(bare)
  expect(parseSpec(parse(spoken))).toEqual(parseSpec(parse(bare)))
})
