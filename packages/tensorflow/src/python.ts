import { existsSync } from 'node:fs'
import path from 'node:path'
import { run } from './run.ts'

/** The Python on PATH, and what of use to Baton it has. */
export interface Python {
  readonly executable: string
  readonly hasPip: boolean
  /** Folder of its tensorflow package; null where it has none. */
  readonly tensorflow: string | null
}

export const LIBRARY = 'libtensorflow_cc.so.2'
export const FRAMEWORK = 'libtensorflow_framework.so.2'

/** Finds the package without importing it: the import takes seconds, and may print or fail for its own reasons. */
const QUESTION = `
import importlib.util, json, sys
tf = importlib.util.find_spec('tensorflow')
print(json.dumps({
  'executable': sys.executable,
  'hasPip': importlib.util.find_spec('pip') is not None,
  'tensorflow': list(tf.submodule_search_locations)[0] if tf and tf.submodule_search_locations else None,
}))`

/** @throws {Error} when there is no Python 3 on PATH */
export async function askPython(): Promise<Python> {
  const answer = await run('python3', ['-c', QUESTION]).catch(() => run('python', ['-c', QUESTION]))
  return JSON.parse(answer) as Python
}

/**
 * The folder of a Python's TensorFlow, once sure that a binding can be linked to it.
 *
 * @throws {Error} that says what it lacks
 */
export function libraryOf(python: Python): string {
  const folder = python.tensorflow
  if (folder === null) throw new Error(`${python.executable} has no tensorflow`)
  if (![LIBRARY, FRAMEWORK].every((file) => existsSync(path.join(folder, file))))
    throw new Error(`${folder} has no ${LIBRARY}: its TensorFlow is too old or not for Linux`)
  return folder
}
