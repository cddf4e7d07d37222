/**
 * Run as `node try-binding.js <binding>`: loads a native module, computes with it and says what it is, as JSON.
 * In a process of its own, because a library that does not fit this machine may kill the process that tries it.
 */
import { bindTensorflow } from './bind.ts'
import { deviceOf } from './device.ts'

const { tf, version } = bindTensorflow(process.argv[2]!)
const [product] = tf.matMul(tf.ones([1, 3]), tf.ones([3, 1])).dataSync()
if (product !== 3) throw new Error(`it computes 1 + 1 + 1 = ${String(product)}`)
process.stdout.write(JSON.stringify({ version, device: deviceOf(tf) }))
