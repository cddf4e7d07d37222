import { availableParallelism } from 'node:os'
import { isAppError } from '@baton/contracts'
import type { Log } from '@baton/log'
import { prepareTensorflow } from '@baton/tensorflow'
import { openTracer } from '@baton/trace'
import type { WorkerConfig } from './config.ts'
import { detectMachine } from './session/detect-machine.ts'
import { exitCodeOf } from './session/exit-code.ts'
import type { ExitCode } from './session/exit-code.ts'
import { runSession } from './session/run-session.ts'
import type { SessionOptions } from './session/run-session.ts'

/** The training child that ships with the worker. */
const trainEntry = new URL('./train.ts', import.meta.url)

/**
 * Makes this machine one session: finds or fetches TensorFlow first, because a session that cannot train must not use
 * up an enrolment, then serves until the session ends.
 *
 * @returns What the process exits with; `exitCodes` has the words.
 */
export async function runWorker(
  config: WorkerConfig,
  { log, ...signals }: { readonly log: Log } & Pick<SessionOptions, 'stop' | 'hurry'>,
): Promise<ExitCode> {
  const startMs = performance.now()
  const { tracing } = config
  const tracer = tracing && (await openTracer({ ...tracing, service: 'baton-worker', log }))
  try {
    await prepareTensorflow({ cacheDir: config.cacheDir, log: (line) => log.info({ line }, 'preparing tensorflow') })
    const machine = await detectMachine(process.env.CUDA_VISIBLE_DEVICES)
    const cores = Math.max(1, Math.floor(availableParallelism() / Math.max(1, machine.gpus.length)))
    const spentSeconds = (performance.now() - startMs) / 1000
    const secondsLeft = config.secondsLeft && Math.max(1, config.secondsLeft - spentSeconds)
    return exitCodeOf(
      await runSession({
        ...config,
        ...machine,
        ...signals,
        threads: config.threads ?? cores,
        dataThreads: config.dataThreads ?? cores,
        secondsLeft,
        spentSeconds,
        log,
        tracer,
        trainEntry,
      }),
    )
  } catch (error) {
    if (isAppError(error, 'tensorflow-unavailable')) return ended(log, error, 5)
    if (isAppError(error, 'unavailable')) return ended(log, error, 3)
    throw error
  } finally {
    await tracer?.close()
  }
}

function ended(log: Log, error: Error, code: ExitCode): ExitCode {
  log.error({ error }, 'no session could be started')
  return code
}
