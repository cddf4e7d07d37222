/**
 * `npm run verify:timm`: makes timm's networks in PyTorch, loads their weights from safetensors and compares logits in
 * inference and gradients in training. Prints a table, and exits with 1 where a difference is 1e-4 or more.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { ModelSpec } from '@baton/contracts'
import { decode } from '@baton/safetensors'
import { defaultCacheDir, loadTensorflow } from '@baton/tensorflow'
import type { Tf } from '@baton/tensorflow'
import { compareWithTimm } from '../../packages/trainer/src/models/fixtures/compare-with-timm.ts'
import type { Difference, TimmReference } from '../../packages/trainer/src/models/fixtures/compare-with-timm.ts'

const run = promisify(execFile)
const requirements = ['torch==2.15.0', 'timm==1.0.31', 'safetensors==0.8.0']
const tolerance = 1e-4
/** Ours by timm's names. */
const networks = {
  resnet18: 'resnet18',
  resnet34: 'resnet34',
  resnet50: 'resnet50',
  seresnext50_32x4d: 'seresnext50_32x4d',
  seresnext101_32x4d: 'seresnext101_32x4d',
  densenet161: 'densenet161',
  mobilenetv2_100: 'mobilenetv2',
} as const
/** Beside the bundle that runs, which is four folders below the repository. */
const script = path.resolve(import.meta.dirname, '../../../../packages/trainer/src/models/fixtures/timm-reference.py')

/** Its own Python environment, made once: a gigabyte that nothing else of Baton needs. */
async function installTimm(): Promise<string> {
  const environment = path.join(defaultCacheDir(), 'verify', requirements.join('-').replaceAll('==', '-'))
  const python = path.join(environment, 'bin/python')
  if (existsSync(path.join(environment, 'ready'))) return python
  console.error(`installing ${requirements.join(', ')} into ${environment}`)
  await run('python3', ['-m', 'venv', '--clear', environment])
  await run(python, ['-m', 'pip', 'install', '--quiet', ...requirements], { maxBuffer: 2 ** 24 })
  await run('touch', [path.join(environment, 'ready')])
  return python
}

async function compare(tf: Tf, python: string, name: keyof typeof networks): Promise<Difference> {
  const folder = await mkdtemp(path.join(tmpdir(), 'baton-timm-'))
  try {
    await run(python, [script, folder, name], { maxBuffer: 2 ** 24 })
    const reference = JSON.parse(await readFile(path.join(folder, `${name}.json`), 'utf8')) as TimmReference
    const { tensors } = decode(await readFile(path.join(folder, `${name}.safetensors`)))
    return compareWithTimm(tf, ModelSpec.parse({ name: networks[name] }), reference, tensors)
  } finally {
    await rm(folder, { recursive: true })
  }
}

const python = await installTimm()
const { tf, environment } = await loadTensorflow({ intraOpThreads: 2, interOpThreads: 1 })
console.log(`${requirements.join(', ')}, in float64; TensorFlow ${environment.tensorflow} on ${environment.device}`)
console.log(['network'.padEnd(20), 'logits  ', 'gradients', 'tensors', 'worst'].join('  '))
for (const name of Object.keys(networks) as (keyof typeof networks)[]) {
  const { logits, norms, gradients, worst } = await compare(tf, python, name)
  const isEqual = logits < tolerance && norms < tolerance
  if (!isEqual) process.exitCode = 1
  const numbers = [logits.toExponential(1).padEnd(8), norms.toExponential(1).padEnd(9), String(gradients).padStart(7)]
  const cells = [name.padEnd(20), ...numbers, worst]
  console.log(`${cells.join('  ')}${isEqual ? '' : '  DIFFERS'}`)
}
