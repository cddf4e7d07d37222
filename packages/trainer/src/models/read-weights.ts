import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { AppError } from '@baton/contracts'
import { decode } from '@baton/safetensors'
import type { Tensor, Tensors } from '@baton/safetensors'

/** The part of a TensorFlow.js model's `model.json` that weights are read by. */
interface LayersModel {
  readonly weightsManifest?: readonly {
    readonly paths: readonly string[]
    readonly weights: readonly {
      readonly name: string
      readonly shape: readonly number[]
      readonly dtype: string
      readonly quantization?: unknown
    }[]
  }[]
}

/**
 * The tensors of a file of weights: a safetensors file, or the `model.json` of a TensorFlow.js layers model with its
 * binary files beside it. Which of them it is, the content tells.
 *
 * @throws {AppError} `weights-unfit`, when it is neither or broken
 */
export async function readWeights(file: string): Promise<Tensors> {
  try {
    const bytes = await readFile(file)
    return bytes[0] === '{'.charCodeAt(0) ? await readLayersModel(bytes, path.dirname(file)) : decode(bytes).tensors
  } catch (cause) {
    const detail = `the file of weights cannot be read: ${(cause as Error).message}`
    throw new AppError('weights-unfit', {}, { detail, cause })
  }
}

async function readLayersModel(json: Buffer, folder: string): Promise<Map<string, Tensor>> {
  const { weightsManifest } = JSON.parse(json.toString('utf8')) as LayersModel
  if (!weightsManifest) throw new Error('it is JSON, but not of a TensorFlow.js model')
  const tensors = new Map<string, Tensor>()
  for (const { paths, weights } of weightsManifest) {
    const parts = await Promise.all(paths.map((name) => readFile(path.join(folder, path.basename(name)))))
    // A copy: floats must stand at a multiple of four bytes.
    const { buffer } = Uint8Array.from(Buffer.concat(parts))
    let offset = 0
    for (const { name, shape, dtype, quantization } of weights) {
      if (dtype !== 'float32' || quantization !== undefined) throw new Error(`${name} does not hold float32`)
      const count = shape.reduce((product, size) => product * size, 1)
      tensors.set(name, { shape, data: new Float32Array(buffer, offset, count) })
      offset += 4 * count
    }
    if (offset !== buffer.byteLength)
      throw new Error(`${paths.join(', ')} hold ${buffer.byteLength} bytes instead of ${offset}`)
  }
  return tensors
}
