import type { ModelSpec } from '@baton/contracts'
import { AppError, assertNever } from '@baton/contracts'
import type { Tf } from '@baton/tensorflow'
import { guardBundle } from './guard-bundle.ts'
import type { BundleModule, ModelTools } from './bundle.ts'
import { buildConvnet } from './convnet.ts'
import { createLayers } from './layers.ts'
import type { Forward, Model, ModelVariable } from './model.ts'
import { buildResnet } from './resnet.ts'

export interface BuildModel {
  readonly tf: Tf
  readonly classes: number
  /** Side of the images in pixels. */
  readonly imageSize: number
  /** Decides the weights that training begins with. */
  readonly seed: number
  /** The experiment's code bundle, where it has one. */
  readonly bundle?: BundleModule
}

/**
 * The model that a spec describes, with the weights its training begins with.
 *
 * @throws {AppError} `user-code-failed`, when the bundle has no `model` export or it fails
 */
export function buildModel(spec: ModelSpec, { tf, classes, imageSize, seed, bundle }: BuildModel): Model {
  const made: ModelVariable[] = []
  const dispose = () => tf.dispose(made.map(({ variable }) => variable))
  const layers = { tf, seed, made }
  const tools = {
    tf,
    body: createLayers({ ...layers, part: 'body', prefix: '' }),
    head: createLayers({ ...layers, part: 'head', prefix: 'head' }),
    classes,
    imageSize,
  }
  try {
    return { ...forwardOf(spec, tools, bundle), variables: made, dispose }
  } catch (error) {
    dispose()
    throw error
  }
}

function forwardOf(spec: ModelSpec, tools: Omit<ModelTools, 'options'>, bundle: BundleModule | undefined): Forward {
  switch (spec.name) {
    case 'convnet':
      return buildConvnet(spec, tools)
    case 'resnet':
      return buildResnet(spec, tools)
    case 'bundle':
      return fromBundle(bundle, { ...tools, options: spec.options })
    default:
      return assertNever(spec)
  }
}

function fromBundle(bundle: BundleModule | undefined, tools: ModelTools): Forward {
  const { model } = bundle ?? {}
  if (model === undefined)
    throw new AppError('user-code-failed', {}, { detail: 'the spec asks for a bundle model; export `model` from it' })
  const { body, head } = guardBundle('model', model)(tools)
  return { body: guardBundle('model body', body), head: guardBundle('model head', head) }
}
