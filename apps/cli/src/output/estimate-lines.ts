import type { Provider } from '@baton/contracts'
import type { Estimate, ModelSize } from '@baton/trainer'
import type { Facts } from '../client/facts-of.ts'
import { count, formatBytes, formatSeconds } from './text.ts'

/** What a training takes, and plainly what is not known and how to say it. */
export function estimateLines(
  { memory, disk, cacheBytes, upload, foldSeconds, sessions }: Estimate,
  { model, labels, imagesPerSecond, pace, sessionSeconds, provider }: Asked,
): string[] {
  return [
    model === null
      ? `model: not known, ${labels === null ? 'say how many labels there are with --labels' : 'as a code bundle builds it'}`
      : `model: ${millions(model.parameters)} weights, ${millions(model.activations)} activations a picture`,
    memory === null
      ? 'memory: not known without the model'
      : `memory, about: ${formatBytes(memory.deviceBytes)} on the device, ${formatBytes(memory.hostBytes)} beside it`,
    `decoded pictures: ${formatBytes(cacheBytes)}, kept as far as a third of the free memory goes`,
    disk === null
      ? 'disk: not known without the dataset and the model'
      : `disk: ${formatBytes(disk.datasetBytes)} of dataset, ${formatBytes(disk.checkpointBytes)} of checkpoints`,
    ...(upload === null
      ? []
      : [
          `uploads: ${formatBytes(upload.bytes)} a checkpoint, ${formatBytes(upload.bestBytes)} more after a best evaluation`,
        ]),
    imagesPerSecond === null
      ? 'time: not known; say --images-per-second, or train an experiment with the same model first'
      : foldSeconds === null
        ? `time: as the stages of so many hours say, at ${pacePhrase(imagesPerSecond, pace)}`
        : `time: ${formatSeconds(foldSeconds)} a fold at ${pacePhrase(imagesPerSecond, pace)}`,
    sessionLine(sessions, sessionSeconds, provider),
  ]
}

interface Asked extends Facts {
  readonly model: ModelSize | null
  readonly provider: Provider | undefined
}

function sessionLine(sessions: Estimate['sessions'], seconds: number | null, provider: Provider | undefined): string {
  if (provider === undefined) return 'sessions: not known; say where with --provider'
  if (seconds === null) return `sessions: those of ${provider} have no end`
  const life = `of ${formatSeconds(seconds)} on ${provider}`
  if (sessions === null) return `sessions ${life}: not known without the time`
  return `sessions ${life}: ${sessions.perFold} for a fold, ${count(sessions.all, 'session')} for all folds one after the other`
}

function pacePhrase(imagesPerSecond: number, pace: string | null): string {
  return `${Number(imagesPerSecond.toPrecision(3))} images a second (${pace ?? 'as told'})`
}

function millions(number: number): string {
  return number < 1e5 ? String(number) : `${(number / 1e6).toFixed(1)} M`
}
