import { loadTensorflow, prepareTensorflow } from '@baton/tensorflow'
import type { LoadedTensorflow, Tf } from '@baton/tensorflow'
import { expect } from 'vitest'

type Tensors = Record<string, ReturnType<Tf['tensor']>>
/** What tfjs-node has beside TensorFlow.js. */
export interface NodeTf {
  readonly node: {
    loadSavedModel(dir: string): Promise<{ predict(inputs: Tensors): Tensors; dispose(): void }>
  }
}

/** TensorFlow's library on two threads, for tests that are about it and not about its JavaScript stand-in. */
export async function loadNative(): Promise<LoadedTensorflow> {
  const { source } = await prepareTensorflow()
  expect(source, 'these tests are about a TensorFlow library, which this machine can neither find nor fetch').not.toBe(
    'javascript',
  )
  return loadTensorflow({ threads: 2 })
}

export async function loadNativeTensorflow(): Promise<Tf> {
  return (await loadNative()).tf
}
