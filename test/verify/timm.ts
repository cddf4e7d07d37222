/**
 * `npm run verify:timm [NETWORK...]`: makes timm's networks in PyTorch, loads their weights from safetensors and compares
 * logits in inference and gradients in training, in two ways.
 *
 * 1. Weights as timm begins with them, random pictures, both sides in float32: the logits, and the length of all gradients
 *    together. How far PyTorch's float32 is from its own float64 stands beside it.
 * 2. Weights and pictures that keep values off relu's corners, PyTorch in float64: each gradient's length as well.
 *
 * Exits with 1 where a difference is 1e-4 or more, with the exceptions in docs/spec/export.md, which says how they are
 * measured.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { ModelSpec } from '@baton/contracts'
import { decode } from '@baton/safetensors'
import { loadTensorflow } from '@baton/tensorflow'
import { installPython } from '../../bench/python.ts'
import {
  compareWithTimm,
  computeOurs,
  logitsDifference,
} from '../../packages/trainer/src/models/fixtures/compare-with-timm.ts'
import type { Computed, TimmReference } from '../../packages/trainer/src/models/fixtures/compare-with-timm.ts'
import type { NamedTensor } from '../../packages/trainer/src/models/model.ts'
import { chosenNetworks, inRepository, networks, timm } from './networks.ts'
import type { TimmName } from './networks.ts'

const run = promisify(execFile)
const tolerance = 1e-4
const python = path.join(await installPython(timm, (line) => console.error(line)), 'python')
const { tf, environment } = await loadTensorflow({ threads: 2 })
console.log(`${timm.packages.join(', ')}; TensorFlow ${environment.tensorflow} on ${environment.device}`)
console.log('\nWeights as timm begins with them: Baton and PyTorch in float32 / PyTorch in float32 and float64')
console.log(rowOf(['network', 'logits', 'all gradients', 'median gradient', 'over 1e-4', 'worst gradient']))
for (const name of chosenNetworks()) {
  const [ours, own] = await compareRandom(name)
  const both = (of: (difference: Difference) => number) =>
    [of(ours), of(own)].map((x) => x.toExponential(1)).join(' / ')
  const over = `${ours.over} / ${own.over} of ${ours.gradients}`
  const cells = [name, both((d) => d.logits), both((d) => d.length), both((d) => d.median), over, both((d) => d.worst)]
  console.log(rowOf([...cells, verdict(ours.logits < tolerance && ours.length < Math.max(tolerance, 10 * own.length))]))
}
console.log('\nValues off relu’s corners: Baton in float32 and PyTorch in float64')
console.log(rowOf(['network', 'logits', 'worst gradient', 'gradients', 'of']))
for (const name of chosenNetworks()) {
  const { logits, norms, gradients, worst } = await compareHashed(name)
  const cells = [name, logits.toExponential(1), norms.toExponential(1), String(gradients), worst]
  console.log(rowOf([...cells, verdict(logits < tolerance && norms < tolerance)]))
}

function specOf(name: TimmName): ModelSpec {
  return ModelSpec.parse({ name: networks[name] })
}

function rowOf(cells: readonly string[]): string {
  return cells
    .map((cell, i) => cell.padEnd(i === 0 ? 20 : 18))
    .join('  ')
    .trimEnd()
}

function verdict(isEqual: boolean): string {
  if (isEqual) return ''
  process.exitCode = 1
  return 'DIFFERS'
}

async function inFolder<T>(script: string, name: TimmName, read: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'baton-timm-'))
  try {
    await run(python, [inRepository(script), folder, name], { maxBuffer: 2 ** 24 })
    return await read(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function tensorsOf(folder: string, file: string) {
  return decode(await readFile(path.join(folder, file))).tensors
}

async function jsonOf<T>(folder: string, file: string): Promise<T> {
  return JSON.parse(await readFile(path.join(folder, file), 'utf8')) as T
}

/** Baton from PyTorch in float32, and that from PyTorch in float64. */
function compareRandom(name: TimmName): Promise<[Difference, Difference]> {
  return inFolder('test/verify/random-timm.py', name, async (folder) => {
    const [weights, inputs] = [
      await tensorsOf(folder, 'weights.safetensors'),
      await tensorsOf(folder, 'inputs.safetensors'),
    ]
    const given = (key: string) => inputs.get(key) as NamedTensor
    const { float32, float64 } = await jsonOf<{ float32: Computed; float64: Computed }>(folder, 'results.json')
    const ours = computeOurs(tf, specOf(name), {
      weights: () => weights,
      images: given('images'),
      slopes: given('slopes'),
    })
    return [differenceOf(ours, float32), differenceOf(float32, float64)]
  })
}

function compareHashed(name: TimmName) {
  return inFolder('packages/trainer/src/models/fixtures/timm-reference.py', name, async (folder) =>
    compareWithTimm(
      tf,
      specOf(name),
      await jsonOf<TimmReference>(folder, `${name}.json`),
      await tensorsOf(folder, `${name}.safetensors`),
    ),
  )
}

/** Plain ratios. */
interface Difference {
  readonly logits: number
  /** Of the length of all gradients as one vector. */
  readonly length: number
  /** Of each gradient's length: the median, the greatest, and how many are 1e-4 or more. */
  readonly median: number
  readonly worst: number
  readonly over: number
  readonly gradients: number
}

function differenceOf(a: Computed, b: Computed): Difference {
  const ratio = (x: number, y: number) => (x === y ? 0 : Math.abs(x - y) / Math.abs(y))
  const ratios = Object.entries(b.norms)
    .map(([name, norm]) => ratio(a.norms[name] ?? NaN, norm))
    .sort((x, y) => x - y)
  const lengthOf = ({ norms }: Computed) => Math.hypot(...Object.values(norms))
  return {
    logits: logitsDifference(a.logits, b.logits),
    length: ratio(lengthOf(a), lengthOf(b)),
    median: ratios[Math.floor(ratios.length / 2)]!,
    worst: ratios.at(-1)!,
    over: ratios.filter((one) => !(one < tolerance)).length,
    gradients: ratios.length,
  }
}
