import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { exitCodes } from '../exit.ts'
import { runOffline } from '../fixtures/an-io.ts'
import { defaultAnswers, specTemplate } from '../spec/spec-template.ts'

let file: string
beforeEach(async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'baton-spec-'))
  file = path.join(folder, 'spec.yaml')
  await writeFile(file, specTemplate({ ...defaultAnswers, epochs: 4, batch: 10 }))
})
afterEach(() => rm(path.dirname(file), { recursive: true, force: true }))

const spec = (...args: string[]) => runOffline('spec', ...args)

test('what init writes is valid, with its defaults for programs', async () => {
  expect(await spec('validate', file)).toMatchObject({ code: exitCodes.ok, out: `${file} is valid` })
  const { out } = await spec('validate', file, '--json')
  expect(JSON.parse(out)).toMatchObject({ pool: 'default', folds: { split: 'stratified' } })
})

test('explain needs no Baton where it is told the number of samples', async () => {
  const { out } = await spec('explain', file, '--samples', '100')
  expect(out).toMatch(/5 folds of emoji[^]*stage +trains +lasts[^]*learning rate over 40 steps[^]*█/)
  const explained = await spec('explain', file, '--samples', '100', '--set', 'stages.1.epochs=2', '--json')
  expect(JSON.parse(explained.out)).toMatchObject({
    folds: 5,
    samples: { train: 80, validation: 20 },
    totalSteps: 8 + 16,
  })
})

test('explain says what is taken from elsewhere, what is drawn more often, and which fold has which model', async () => {
  const targets = 'targets={distill: {form: max, teacher: [imet#41, imet#42]}, clean: {from: imet#41, share: 0.05}}'
  const draws = ['stages.0.sample={weight: sqrt}', 'stages.0.mine={share: 0.05}']
  const sets = [...draws, 'model=[{name: convnet}, {name: resnet}]', 'from=imet#41', 'labels=[tag]', targets]
  const { out } = await spec('explain', file, '--samples', '100', ...sets.flatMap((set) => ['--set', set]))
  expect(out).toMatch(/model (convnet|resnet) \(fold 0\), (convnet|resnet) \(fold 1\)/)
  expect(out).toContain(
    'It learns tag alone.\nIt starts with the best weights of imet#41.\nTaught by OOF of imet#41, imet#42: max, κ 0.7.\n' +
      'The worst 5 % by OOF of imet#41 are left out.\n' +
      'Stage head draws samples with replacement, by the sqrt weight of their rarest label.\n' +
      'Stage head has the 5 % learnt worst in an epoch again in the next.\n',
  )
})

test('explain counts the test samples that pseudo labels add, where it knows how many there are', async () => {
  const pseudo = ['--samples', '100', '--set', 'targets={pseudo: {from: imet#41, share: 0.5}}']
  const told = await spec('explain', file, ...pseudo, '--test-samples', '60', '--json')
  expect(JSON.parse(told.out)).toMatchObject({ samples: { train: 110, test: 60, pseudo: 30 }, totalSteps: 5 * 11 })
  const { out } = await spec('explain', file, ...pseudo, '--test-samples', '60')
  expect(out).toContain('trains on about 110 samples')
  expect(out).toContain('50 % of the test samples, 30, are added as imet#41 labels them.')
  expect((await spec('explain', file, ...pseudo)).out).toContain('say how many there are with --test-samples')
})

test('explain says how steps run, as far as the spec decides it, and of fp16 what it is for', async () => {
  const lines = async (...sets: string[]) => {
    const { out } = await spec('explain', file, '--samples', '100', ...sets.flatMap((set) => ['--set', set]))
    return out.split('\n').filter((line) => /fp\d\d/.test(line))
  }
  expect(await lines()).toEqual([
    'Steps run compiled, in fp32, where the worker has TensorFlow; eagerly, in fp32, elsewhere.',
  ])
  const [inBf16, ...others] = await lines('precision=bf16')
  expect(inBf16).toMatch(/^Steps run compiled, in bf16: convolutions and matrix products, nothing else, where .*fp32/)
  expect(others).toEqual([])
  expect((await lines('precision=fp16')).at(-1)).toMatch(/^fp16 is for GPUs: most CPUs/)
  const [ofBundle] = await lines(`code=${'a'.repeat(64)}`, 'model={name: bundle}')
  expect(ofBundle).toContain('where the worker has TensorFlow and the code bundle can become a graph; eagerly, in fp32')
})

test('explain says what becomes of a fold that runs out of memory', async () => {
  const line = async (...sets: string[]) => {
    const { out } = await spec('explain', file, '--samples', '100', ...sets)
    return out.split('\n').find((each) => each.startsWith('Out of memory'))
  }
  expect(await line()).toBe(
    'Out of memory, a fold goes back to its newest checkpoint and on with half as much at a time.',
  )
  expect(await line('--set', 'onOom=fail')).toBe('Out of memory, a fold fails.')
})

test('explain says which neighbours are asked, and for what', async () => {
  const line = async (knn: string, ...sets: string[]) => {
    const { out } = await spec('explain', file, '--samples', '100', ...['--set', `knn=${knn}`], ...sets)
    return out.split('\n').find((each) => each.startsWith('Once'))
  }
  expect(await line('{ neighbours: 5 }')).toBe(
    'Once it has trained, each fold looks for the 5 nearest training samples of what it predicts; their vote weighs as much as OOF says.',
  )
  const byDistance = ['--set', 'metric={threshold: distance}', '--set', 'ensemble={blend: mean}']
  expect(await line('{ weight: 0 }', ...byDistance)).toMatch(/20 nearest training samples .*, for how far they are\.$/)
})

test('explain says what a training takes, and plainly what it does not know', async () => {
  const bare = await spec('explain', file, '--samples', '100')
  expect(bare.out).toContain('model: not known, say how many labels there are with --labels')
  expect(bare.out).toContain('time: not known; say --images-per-second')
  expect(bare.out).toContain('sessions: not known; say where with --provider')
  const told = await spec('explain', file, '--samples', '1000', '--labels', '20', '--images-per-second', '50')
  expect(told.err).toBe('')
  expect(told.out).toMatch(/model: 0\.7 M weights, [\d.]+ M activations a picture\nmemory, about: .+ on the device/)
  expect(told.out).toMatch(/uploads: 8\.4 MB a checkpoint, 2\.8 MB more/)
  expect(told.out).toMatch(/time: \d+ (?:min|s).* a fold at 50 images a second \(as told\)/)
})

test('what is wrong is said with its place in the file', async () => {
  await writeFile(file, specTemplate({ ...defaultAnswers, folds: 1 }))
  const { code, out, err } = await spec('validate', file)
  expect({ code, out }).toEqual({ code: exitCodes.problem, out: '' })
  expect(err).toMatch(/spec\.yaml:\d+:\d+ +\/folds\/count/)
})
