import { createRequire } from 'node:module'
import util from 'node:util'
import type * as tfjs from '@tensorflow/tfjs'

/** TensorFlow.js as its users see it, whatever computes behind it. */
export type Tf = typeof tfjs

/** What Baton asks of tfjs-node's native module; the rest is tfjs-node's own business. */
interface NativeBinding {
  readonly TF_Version: string
}

const require = createRequire(import.meta.url)

/** Version of an npm package as it is installed here. */
export function versionOf(name: '@tensorflow/tfjs' | '@tensorflow/tfjs-node'): string {
  return (require(`${name}/package.json`) as { version: string }).version
}

/**
 * Loads tfjs-node with the native module at `binding`, wherever that lies.
 *
 * tfjs-node asks @mapbox/node-pre-gyp where its native module is, and would look only inside its own package. For
 * the length of this load that question is answered here, so node_modules stays as npm made it.
 * Node 23 dropped two helpers of `util` that tfjs-node 4.22 calls; they are put back.
 *
 * @throws {Error} when the module or a library it needs cannot be loaded
 */
export function bindTensorflow(binding: string): { tf: Tf; version: string } {
  const legacy = util as { isArray?: unknown; isNullOrUndefined?: unknown }
  legacy.isArray ??= Array.isArray
  legacy.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined

  quiet()
  const entry = require.resolve('@tensorflow/tfjs-node')
  const locator = createRequire(entry).resolve('@mapbox/node-pre-gyp')
  const before = require.cache[locator]
  require.cache[locator] = { exports: { find: () => binding } } as NodeJS.Module
  try {
    const { TF_Version } = require(binding) as NativeBinding
    return { tf: require(entry) as Tf, version: TF_Version }
  } finally {
    if (before) require.cache[locator] = before
    else Reflect.deleteProperty(require.cache, locator)
  }
}

/** TensorFlow.js on its pure JavaScript backend: runs anywhere, and is slower by two orders of magnitude. */
export async function useJavascript(): Promise<Tf> {
  const tf = quiet()
  await tf.setBackend('cpu')
  return tf
}

/** tfjs-core before it prints advice to install what Baton chose not to use, or uses already. */
function quiet(): Tf {
  const tf = require('@tensorflow/tfjs') as Tf
  tf.enableProdMode()
  return tf
}
