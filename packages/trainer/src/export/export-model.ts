import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Tensor4D } from '@tensorflow/tfjs'
import { AppError, assertNever } from '@baton/contracts'
import type { ExperimentSpec, ModelSpec } from '@baton/contracts'
import { frozenModel } from '@baton/graph-step'
import { encodeParts } from '@baton/safetensors'
import type { Tensors } from '@baton/safetensors'
import type { Tf } from '@baton/tensorflow'
import { toFloats } from '../fold/training.ts'
import { buildModel } from '../models/build.ts'
import { runGroups } from '../models/groups.ts'
import { loadWeights } from '../models/load-weights.ts'
import type { NamedTensors } from '../models/model.ts'
import { timmNameOf, toTimm } from '../models/timm-layout.ts'
import { normalise } from '../step/compose.ts'
import { writeLayersModel } from './layers-model.ts'

/** What a trained model is written as. */
export type ExportFormat = 'safetensors' | 'saved-model' | 'tfjs'

export interface ExportModel {
  readonly model: ModelSpec
  readonly spec: Pick<ExperimentSpec, 'image' | 'stages'>
  /** By our names, as a finished fold leaves them. */
  readonly weights: Tensors
  readonly format: ExportFormat
  /** Folder that the files are written to. */
  readonly dir: string
  /** Asked for where TensorFlow is needed: safetensors goes without. */
  readonly loadTf: () => Promise<Tf>
}

/**
 * Writes a trained model for other programs.
 *
 * safetensors  `model.safetensors`; with timm's names and in PyTorch's layout where the network is one of timm's
 * saved-model  `saved_model.pb`: its `serving_default` takes `images`, uint8 [any, size, size, 3], to `probabilities`
 * tfjs         `model.json` and `weights.bin`: a layers model from RGB of 0 to 255 to probabilities
 *
 * @returns Names of the files.
 * @throws {AppError} `export-impossible`, saying why this model cannot be written in that format; `weights-unfit`
 */
export async function exportModel({ model, spec, weights, format, dir, loadTf }: ExportModel): Promise<string[]> {
  await mkdir(dir, { recursive: true })
  const values = toFloats(weights)
  switch (format) {
    case 'safetensors':
      return writeSafetensors(dir, model, values)
    case 'saved-model':
      return writeSavedModel(dir, await loadTf(), builtIn(model, spec), values)
    case 'tfjs':
      return writeLayersModel(dir, {
        tf: await loadTf(),
        ...builtIn(model, spec),
        classes: classesOf(values),
        weights: values,
      })
    default:
      return assertNever(format)
  }
}

/** Networks whose layers are named as in timm. */
function isNamedAsInTimm({ name }: ModelSpec): boolean {
  return name !== 'convnet' && name !== 'bundle'
}

async function writeSafetensors(dir: string, model: ModelSpec, values: NamedTensors): Promise<string[]> {
  const named = isNamedAsInTimm(model)
    ? new Map([...values].map(([name, tensor]) => [timmNameOf(name), toTimm(name, tensor)]))
    : values
  // PyTorch's own reader asks for the format.
  await writeFile(path.join(dir, 'model.safetensors'), encodeParts(named, new Map([['format', 'pt']])))
  return ['model.safetensors']
}

interface BuiltIn {
  readonly model: ModelSpec
  readonly image: ExperimentSpec['image']
  readonly activation: 'sigmoid' | 'softmax'
}

/** @throws {AppError} `export-impossible` for a model of a code bundle */
function builtIn(model: ModelSpec, { image, stages }: ExportModel['spec']): BuiltIn {
  if (model.name === 'bundle') {
    const detail = 'a model of a code bundle is written as safetensors alone: its code is not run here'
    throw new AppError('export-impossible', { model: model.name }, { detail })
  }
  return { model, image, activation: stages.at(-1)!.loss.name === 'softmax' ? 'softmax' : 'sigmoid' }
}

/** What the last layer of every built-in model is named. */
const LAST_BIAS = /^(?:fc|classifier|head\/dense)\/bias$/

function classesOf(weights: NamedTensors): number {
  const [, bias] = [...weights].find(([name]) => LAST_BIAS.test(name)) ?? []
  if (!bias) throw new AppError('weights-unfit', {}, { detail: 'the weights have no last layer of a built-in model' })
  return bias.shape[0]!
}

async function writeSavedModel(dir: string, tf: Tf, built: BuiltIn, values: NamedTensors): Promise<string[]> {
  const { model: spec, image, activation } = built
  const [classes, { size }] = [classesOf(values), image]
  const model = buildModel(spec, { tf, classes, imageSize: size, seed: 0, blank: true })
  try {
    loadWeights(tf, model, values)
    const probabilitiesOf = (images: Tensor4D) =>
      tf[activation](runGroups(model.groups, normalise(tf, images, image), () => ({ training: false })))
    const bytes = frozenModel(tf, {
      signature: {
        inputs: { images: { shape: [null, size, size, 3], dtype: 'uint8' } },
        run: ({ images }) => ({ probabilities: probabilitiesOf(images as Tensor4D) }),
      },
      outputs: { probabilities: { shape: [null, classes], dtype: 'float32' } },
      feedsOf: (rows) => ({ images: tf.zeros([rows, size, size, 3], 'int32') }),
    })
    await writeFile(path.join(dir, 'saved_model.pb'), bytes)
    return ['saved_model.pb']
  } catch (cause) {
    throw new AppError('export-impossible', {}, { detail: `no SavedModel: ${(cause as Error).message}`, cause })
  } finally {
    model.dispose()
  }
}
