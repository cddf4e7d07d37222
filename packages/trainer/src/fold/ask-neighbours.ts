import type { KnnSpec } from '@baton/contracts'
import type { Near } from '@baton/evaluation'
import { createNeighbourIndex } from '../knn/neighbour-index.ts'
import type { NeighbourIndex } from '../knn/neighbour-index.ts'
import { voteOf } from '../knn/vote.ts'
import { joinFloats } from '../step/join-floats.ts'
import { breathe } from './interrupts.ts'
import { embedBatches } from './train-stage.ts'
import type { Training } from './training.ts'

/** Samples that are looked up at once: their products with a block of the index take 16 MB. */
const lookedUp = 512

/** Predictions, with what the nearest training samples say of the same samples. */
export interface Asked extends Near {
  readonly probability: Float32Array // [n, labels]
}

/** Training samples that know what they would say of others. */
export interface Neighbours {
  /** @param samples Indexes in the manifest. [n] */
  ask(samples: Int32Array): Promise<Asked>
  dispose(): void
}

/**
 * Embeds the samples that the fold was trained on, by the program's weights, in the views that predictions are made of.
 *
 * Test samples with pseudo labels are not among them: asked for itself, such a sample would say what it was given.
 */
export async function gatherNeighbours(training: Training, knn: KnnSpec): Promise<Neighbours> {
  const { run, ports, samples, labels } = training
  const { samples: all } = run.manifest
  const own = samples.train.filter((sample) => all[sample]!.split === 'train')
  const labelsAt = (place: number) => all[own[place]!]!.labels
  let index: NeighbourIndex | null = null
  try {
    let done = 0
    for await (const { embeddings, probabilities } of embedBatches(training, own)) {
      const n = probabilities.length / labels
      index ??= createNeighbourIndex(ports.tensorflow.tf, embeddings.length / n)
      index.add(embeddings)
      done += n
    }
    ports.log('info', `${done} training samples are embedded, to look for neighbours among them`)
  } catch (error) {
    index?.dispose()
    throw error
  }
  const gathered = index!
  return {
    ask: (asked) => askIndex(training, gathered, asked, { knn, labelsAt }),
    dispose: () => gathered.dispose(),
  }
}

async function askIndex(
  training: Training,
  index: NeighbourIndex,
  samples: Int32Array,
  { knn, labelsAt }: { knn: KnnSpec; labelsAt: (place: number) => readonly number[] },
): Promise<Asked> {
  const { interrupts, labels } = training
  const onBlock = () => {
    interrupts.poll()
    return breathe()
  }
  const probability = new Float32Array(samples.length * labels)
  const vote = new Float32Array(samples.length * labels)
  const distance = new Float32Array(samples.length)
  let predicted = 0
  let answered = 0
  let waiting: Float32Array[] = []
  const lookUp = async () => {
    const n = predicted - answered
    const found = await index.nearest(joinFloats(waiting), knn.neighbours, onBlock)
    vote.set(voteOf(found, knn, labelsAt, labels), answered * labels)
    for (let row = 0; row < n; row++) distance[answered + row] = found.distance[row * found.found]!
    answered = predicted
    waiting = []
  }
  for await (const { embeddings, probabilities } of embedBatches(training, samples)) {
    probability.set(probabilities, predicted * labels)
    predicted += probabilities.length / labels
    waiting.push(embeddings)
    if (predicted - answered >= lookedUp) await lookUp()
  }
  if (answered < predicted) await lookUp()
  return { probability, vote, distance }
}
