import { isMainThread } from 'node:worker_threads'
import type { TrainingEnvironment } from '@baton/contracts'
import { AppError } from '@baton/contracts'
import type { Tf } from './bind.ts'
import { bindTensorflow, versionOf, useJavascript } from './bind.ts'
import { deviceOf, isOnGpu } from './device.ts'
import { fewPassesSetting } from './graph-passes.ts'
import { prepareTensorflow, tensorflowCache } from './prepare.ts'
import type { TensorflowReport } from './source.ts'
import { readStamp } from './stamp.ts'

export interface LoadOptions {
  /** Threads within one operation. Another number gives other bytes. */
  readonly threads: number
  /** How steps are to run. Default compiled; the JavaScript backend has no graphs, and is eager always. */
  readonly execution?: TrainingEnvironment['execution']
  readonly cacheDir?: string
}

export interface LoadedTensorflow {
  readonly tf: Tf
  /** What decides the bytes of a training here, beside its precision; goes into every checkpoint. */
  readonly environment: Omit<TrainingEnvironment, 'precision'>
}

let loaded: { settings: string; result: Promise<LoadedTensorflow> } | undefined

/**
 * Loads what `prepareTensorflow` found, with its threads pinned, and says what decides the bytes.
 *
 * Once prepared this starts no program and takes about 0.3 s; where nothing was prepared it prepares first. TensorFlow
 * reads its settings when it is loaded, and a process loads it once: a second call gets the same, and must not ask
 * for other settings. In a worker thread the settings reach the library only if the thread was started with
 * `env: SHARE_ENV`.
 *
 * @throws {AppError} `tensorflow-unavailable`
 * @throws {Error} when other settings are asked for than it was loaded with
 */
export function loadTensorflow(options: LoadOptions): Promise<LoadedTensorflow> {
  const settings = settingsOf(options)
  const asText = JSON.stringify(settings)
  if (loaded && loaded.settings !== asText)
    throw new Error(`TensorFlow is loaded with ${loaded.settings}; it cannot change to ${asText}`)
  loaded ??= { settings: asText, result: load(options, settings) }
  return loaded.result
}

/**
 * Operations of a graph that run at once: a layer's two gradients, say, so that the small ones, which have one thread,
 * leave none idle. No value depends on it: each operation waits for all that it takes.
 */
export function interOpThreads(threads: number): number {
  return Math.min(2, threads)
}

/** What TensorFlow reads from the environment when it is loaded. */
function settingsOf({ threads }: LoadOptions): Record<string, string> {
  return {
    TF_NUM_INTRAOP_THREADS: String(threads),
    TF_NUM_INTEROP_THREADS: String(interOpThreads(threads)),
    // Left alone, TensorFlow decides by the CPU model, and a fold that moves to another would change its bytes.
    TF_ENABLE_ONEDNN_OPTS: process.env.TF_ENABLE_ONEDNN_OPTS ?? '1',
    TF_DETERMINISTIC_OPS: '1',
    TF_CPP_MIN_LOG_LEVEL: process.env.TF_CPP_MIN_LOG_LEVEL ?? '2',
  }
}

async function load(options: LoadOptions, settings: Record<string, string>): Promise<LoadedTensorflow> {
  const { cacheDir } = options
  const report =
    (await readStamp(tensorflowCache(cacheDir))) ??
    (await prepareTensorflow(cacheDir === undefined ? {} : { cacheDir }))
  if (report.binding === null) return loadJavascript()
  applyToProcess(settings)
  return loadNative(report, report.binding, options)
}

async function loadJavascript(): Promise<LoadedTensorflow> {
  const tf = await useJavascript()
  const backend = `tfjs-cpu ${versionOf('@tensorflow/tfjs')}`
  const threads = { intraOpThreads: 1, interOpThreads: 1 }
  const fixed = { ...threads, oneDnn: false, execution: 'eager' } as const
  return { tf, environment: { backend, tensorflow: 'none', device: 'JavaScript', ...fixed } }
}

function loadNative(report: TensorflowReport, binding: string, options: LoadOptions): LoadedTensorflow {
  try {
    const { tf, version } = bindTensorflow(binding)
    // Read at each start of a session, not when the library is loaded.
    if (!isOnGpu(tf)) applyToProcess({ [fewPassesSetting]: '1' })
    const environment = {
      backend: `tfjs-node ${versionOf('@tensorflow/tfjs-node')}`,
      tensorflow: version,
      device: deviceOf(tf),
      intraOpThreads: options.threads,
      interOpThreads: interOpThreads(options.threads),
      oneDnn: process.env.TF_ENABLE_ONEDNN_OPTS !== '0',
      execution: options.execution ?? 'compiled',
    }
    return { tf, environment }
  } catch (cause) {
    const detail = `TensorFlow at ${binding} worked when it was prepared and cannot be loaded now`
    throw new AppError('tensorflow-unavailable', { binding, library: report.library }, { detail, cause })
  }
}

/** A thread with an environment of its own cannot set what C code reads; better no training than one of other bytes. */
function applyToProcess(settings: Record<string, string>): void {
  Object.assign(process.env, settings)
  if (isMainThread) return
  const { environmentVariables } = process.report.getReport() as { environmentVariables: Record<string, string> }
  const lost = Object.keys(settings).filter((name) => environmentVariables[name] !== settings[name])
  if (lost.length > 0)
    throw new Error(`start the thread that loads TensorFlow with env: SHARE_ENV; ${lost.join(', ')} cannot be set`)
}
