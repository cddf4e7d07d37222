/**
 * Runs while the worker's image is built: binds tfjs-node to the image's TensorFlow, so that no container has to.
 * Fails the build where that does not work; the worker itself would train on, slowly, in JavaScript.
 * It imports TypeScript source, which the image's Node can run.
 */
import { prepareTensorflow } from '@baton/tensorflow'

const report = await prepareTensorflow({ log: (line) => console.log(line) })
if (report.source !== 'python') throw new Error(`the TensorFlow of the image was not bound: ${JSON.stringify(report)}`)
