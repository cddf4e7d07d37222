import { readFile } from 'node:fs/promises'
import { AppError } from '@baton/contracts'
import type { ExperimentInput } from '@baton/contracts'
import { decode } from '@baton/safetensors'
import type { Tensors } from '@baton/safetensors'

/** An input as a file on this machine, its bytes checked against the digest. */
export interface LocalInput<I extends ExperimentInput = ExperimentInput> {
  readonly input: I
  readonly path: string
}

/** @throws {AppError} `input-unusable` when it is no safetensors file */
export async function readTensors({ input, path }: LocalInput): Promise<Tensors> {
  try {
    return decode(await readFile(path)).tensors
  } catch (cause) {
    throw unusable(input, `cannot be read: ${(cause as Error).message}`, cause)
  }
}

/** @param what Why it cannot be used, after its name. */
export function unusable({ use, kind, source }: ExperimentInput, what: string, cause?: unknown): AppError {
  return new AppError(
    'input-unusable',
    { use, source },
    { detail: `the ${kind} of ${source} (\`${use}\`) ${what}`, cause },
  )
}
