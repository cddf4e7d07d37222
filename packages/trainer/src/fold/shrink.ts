import { AppError, isAppError } from '@baton/contracts'
import { trainedGroups } from '../models/groups.ts'
import { amountsOf } from './amounts.ts'
import type { Shrunk } from './amounts.ts'
import { stageOf } from './training.ts'
import type { Training } from './training.ts'

/**
 * What a training that has run out of memory in a step or a prediction does half as much of at a time, told in its log.
 *
 * It is no function of the spec, so it is part of the training's state. Steps are those of whole batches up to rounding,
 * but for what looks at several samples at once.
 *
 * @returns Null for anything else that went wrong
 * @throws {AppError} `out-of-memory`, where there is nothing smaller
 */
export function shrinkAfter(training: Training, error: unknown): Shrunk | null {
  if (!isAppError(error, 'out-of-memory') || error.facts.during === undefined) return null
  return error.facts.during === 'step' ? shrinkBatch(training, error) : shrinkPrediction(training, error)
}

function shrinkBatch(training: Training, cause: AppError): Shrunk {
  const { run, ports, plans, position, state } = training
  const stage = stageOf(training)
  const { batch } = plans[position.stage]!
  const { accumulate } = amountsOf(run.spec, stage, state)
  if (accumulate >= batch)
    throw exhausted(
      training,
      `a step of stage ${stage.name}, one sample at a time, needs more memory than there is`,
      cause,
    )
  const parts = Math.min(batch, 2 * accumulate)
  const normalised = normalises(training) ? '; batch normalisation sees only so many at a time, too' : ''
  ports.log(
    'warn',
    `out of memory at step ${position.step}: batches of stage ${stage.name} are done in ${parts} parts, ` +
      `${Math.ceil(batch / parts)} samples at a time, and still make one update each${normalised}`,
  )
  return { accumulate: parts, predictBatch: state.predictBatch }
}

function shrinkPrediction(training: Training, cause: AppError): Shrunk {
  const { run, ports, position, state } = training
  const { predictBatch } = amountsOf(run.spec, stageOf(training), state)
  if (predictBatch === 1)
    throw exhausted(training, 'predicting one picture at a time needs more memory than there is', cause)
  const half = Math.ceil(predictBatch / 2)
  ports.log('warn', `out of memory in a prediction at step ${position.step}: ${half} pictures are predicted at a time`)
  return { accumulate: state.accumulate, predictBatch: half }
}

/** Whether batch normalisation goes by the samples that are done together. */
function normalises(training: Training): boolean {
  const trained = trainedGroups(training.model, stageOf(training))
  return training.model.variables.some(({ role, group }) => role === 'statistic' && trained.has(group))
}

function exhausted({ position }: Training, detail: string, cause: AppError): AppError {
  return new AppError('out-of-memory', { ...cause.facts, step: position.step }, { detail, cause })
}
