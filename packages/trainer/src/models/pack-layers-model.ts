import { encode } from '@baton/safetensors'
import { readWeights } from './read-weights.ts'

/**
 * The weights of a TensorFlow.js layers model, `model.json` with its binary files beside it, as one safetensors file.
 *
 * @throws {AppError} `weights-unfit`
 */
export async function packLayersModel(file: string): Promise<Uint8Array> {
  return encode(await readWeights(file))
}
