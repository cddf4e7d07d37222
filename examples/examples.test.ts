import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkBundle, packBundle } from '@baton/bundle'
import { Digest, expandMatrix, MatrixSpec, parseOrThrow, parseSpec } from '@baton/contracts'
import { importDataset } from '@baton/dataset'
import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parse as parseYaml } from 'yaml'

const at = (...path: string[]) => join(fileURLToPath(new URL('.', import.meta.url)), ...path)
const specs = (await readdir(at())).filter((name) => name.endsWith('.yaml'))

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'baton-examples-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('the examples that the guides name are there', () => {
  expect(specs).toEqual(expect.arrayContaining(['emoji.yaml', 'emoji-bundle.yaml']))
})

test.each(specs)('%s is accepted, with the digest of its code where `baton run` puts it', async (name) => {
  const written = parseYaml(await readFile(at(name), 'utf8')) as { code?: string }
  const code = written.code === undefined ? null : (await packBundle(at(written.code))).digest
  const spec = parseSpec({ ...written, code })
  expect(spec.folds.count).toBe(5)
  expect(spec.stages.map((stage) => stage.train)).toEqual(['head', 'all'])
  expect(spec.stages.every((stage) => stage.loss.name === (code === null ? 'bce' : 'bundle'))).toBe(true)
})

/** Specs in YAML that guides show whole. */
async function shownSpecs(): Promise<[where: string, spec: object][]> {
  const guides = await readdir(at('../docs/spec'))
  const files = ['../README.md', ...guides.filter((name) => name.endsWith('.md')).map((name) => `../docs/spec/${name}`)]
  const texts = await Promise.all(files.map(async (file) => [file, await readFile(at(file), 'utf8')] as const))
  return texts
    .flatMap(([file, text]) =>
      Array.from(text.matchAll(/^```yaml\n(.*?)^```/gms), ([, yaml]) => [file, yaml!] as const),
    )
    .map(([file, yaml]): [string, object] => [file, parseYaml(yaml) as object])
    .filter(([, spec]) => 'name' in spec && 'dataset' in spec)
}

test.each(await shownSpecs())('the spec in %s is accepted', (_where, shown) => {
  const accepted =
    'matrix' in shown ? expandMatrix(parseOrThrow(MatrixSpec, shown, 'spec-invalid')) : [parseSpec(shown)]
  expect(accepted.length).toBeGreaterThan(0)
})

test('the example bundle packs to one safe file', async () => {
  const { bytes, digest } = await packBundle(at('emoji-bundle'))
  expect((await checkBundle(bytes)).map(({ name }) => name)).toEqual(['index.mjs'])
  expect(Digest.safeParse(digest).success).toBe(true)
})

type Loss = (logits: tf.Tensor2D, labels: tf.Tensor2D) => tf.Tensor1D
type LossFactory = (tools: { tf: typeof tf; classes: number; options: Record<string, number> }) => Loss

async function focalLoss(options: Record<string, number>): Promise<Loss> {
  const { loss } = (await import(at('emoji-bundle', 'index.mjs'))) as { loss: LossFactory }
  return loss({ tf, classes: 3, options })
}

test('the loss of the example bundle is the focal loss of its formula', async () => {
  const logits = [2, -1, 0.5, 0, -3, 4]
  const labels = [1, 0, 1, 0.5, 1, 0]
  const term = (p: number) => -((1 - p) ** 1.5) * Math.log(p)
  const expected = logits.map((x, i) => {
    const p = 1 / (1 + Math.exp(-x))
    return labels[i]! * 0.75 * term(p) + (1 - labels[i]!) * 0.25 * term(1 - p)
  })
  const loss = await focalLoss({ gamma: 1.5, alpha: 0.75 })
  const values = loss(tf.tensor2d(logits, [2, 3]), tf.tensor2d(labels, [2, 3])).dataSync()
  const mean = (terms: number[]) => terms.reduce((sum, x) => sum + x, 0) / terms.length
  expect(values[0]).toBeCloseTo(mean(expected.slice(0, 3)), 5)
  expect(values[1]).toBeCloseTo(mean(expected.slice(3)), 5)
})

test('without focus the loss is half the cross-entropy, and its gradient stays finite at any logit', async () => {
  const logits = tf.tensor2d([[300, -300, 0]])
  const labels = tf.tensor2d([[0, 1, 1]])
  const plain = await focalLoss({ gamma: 0, alpha: 0.5 })
  const crossEntropy = tf.losses.sigmoidCrossEntropy(labels, logits).dataSync()[0]!
  expect(plain(logits, labels).dataSync()[0]).toBeCloseTo(crossEntropy / 2, 4)
  const focal = await focalLoss({})
  const gradient = tf.grad((x) => focal(x as tf.Tensor2D, labels))(logits)
  expect([...gradient.dataSync()].every(Number.isFinite)).toBe(true)
})

test('the sample folder is imported as the guide says', async () => {
  const { manifest, unusedImages } = await importDataset({
    images: at('import', 'images'),
    labels: at('import', 'labels.csv'),
    vocabulary: at('import', 'vocabulary.yaml'),
    out: join(folder, 'shapes'),
  })
  expect(manifest.labelGroups.map((group) => group.name)).toEqual(['colour', 'shape'])
  expect(manifest.samples.filter((sample) => sample.split === 'train')).toHaveLength(6)
  expect(manifest.samples.filter((sample) => sample.split === 'test')).toHaveLength(3)
  expect(unusedImages).toBe(0)
})
