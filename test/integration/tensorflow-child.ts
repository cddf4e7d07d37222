/** What tests do with TensorFlow in a process or thread of its own: `prepare`, `train`, `graph`, or `thread` of either kind. */
import { SHARE_ENV, Worker, isMainThread, workerData } from 'node:worker_threads'
import { compiledProgram } from '@baton/graph-step'
import type { Feeds } from '@baton/graph-step'
import { loadTensorflow, prepareTensorflow } from '@baton/tensorflow'
import type { Tensor4D } from '@tensorflow/tfjs'

const job = isMainThread ? process.argv[2] : (workerData as string)
const say = (what: unknown) => process.stdout.write(`${JSON.stringify(what)}\n`)

if (job === 'prepare') say(await prepareTensorflow({ log: (log) => say({ log }) }))
else if (job === 'train') await train()
else if (job === 'graph') await runGraph()
else inThread(job === 'thread-with-env' ? { env: SHARE_ENV } : {})

/** One step of a convolution towards a target, and how far it got. */
async function train() {
  const { tf, environment } = await loadTensorflow({ threads: 2 })
  const images = tf.randomNormal([2, 16, 16, 3], 0, 1, 'float32', 1).as4D(2, 16, 16, 3)
  const kernel = tf.variable(tf.randomNormal([3, 3, 3, 4], 0, 0.1, 'float32', 2).as4D(3, 3, 3, 4))
  const lossNow = () => tf.mean(tf.square(tf.sub(tf.relu(tf.conv2d(images, kernel, 1, 'same')), 1))).asScalar()
  const { value, grads } = tf.variableGrads(lossNow)
  kernel.assign(tf.sub(kernel, tf.mul(grads[kernel.name]!, 0.1)))
  say({ environment, before: value.dataSync()[0], after: lossNow().dataSync()[0] })
}

/** A small graph, once. */
async function runGraph() {
  const { tf } = await loadTensorflow({ threads: 2 })
  const kernel = tf.variable(tf.ones([3, 3, 3, 4]).as4D(3, 3, 3, 4))
  const run = ({ images }: Feeds) => ({ sum: tf.sum(tf.relu(tf.conv2d(images as Tensor4D, kernel, 1, 'same'))) })
  const inputs = { images: { shape: [1, 8, 8, 3], dtype: 'float32' } } as const
  const state = [{ name: 'kernel', variable: kernel }]
  const program = compiledProgram(tf, { state, signatures: { sum: { inputs, run } } }, () => undefined)
  say({ sum: program.run('sum', { images: tf.ones([1, 8, 8, 3]) }).sum!.dataSync()[0] })
}

function inThread(options: { env?: typeof SHARE_ENV }) {
  const thread = new Worker(new URL(import.meta.url), { ...options, workerData: 'train' })
  thread.on('error', (error) => say({ error: error.message }))
}
