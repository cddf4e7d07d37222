import type { ModelSpec } from '@baton/contracts'
import { AppError, assertNever } from '@baton/contracts'
import type { Tf } from '@baton/tensorflow'
import { guardBundle } from './guard-bundle.ts'
import type { BundleModel, BundleModule, ModelTools } from './bundle.ts'
import { buildConvnet } from './convnet.ts'
import { checkGroups } from './groups.ts'
import type { GroupTools } from './groups.ts'
import { createLayers } from './layers.ts'
import { HEAD } from './model.ts'
import type { LayerGroup, Model, ModelVariable } from './model.ts'
import { buildDensenet } from './densenet.ts'
import { buildMobilenet } from './mobilenet.ts'
import { buildNamedResnet, buildResnet } from './resnet.ts'

/** The group of a bundle's layers before its head, where it does not bring groups of its own. */
const BODY = 'body'

export interface BuildModel {
  readonly tf: Tf
  readonly classes: number
  /** Side of the images that predictions are made of, in pixels. */
  readonly imageSize: number
  /** Sides of those that stages train with. By default the same. */
  readonly imageSizes?: readonly number[]
  /** Decides the weights that training begins with. */
  readonly seed: number
  /** The experiment's code bundle, where it has one. */
  readonly bundle?: BundleModule
  /** Leaves weights and statistics at 0, for whoever sets all of them: drawing millions takes seconds. */
  readonly blank?: boolean
}

/**
 * The model that a spec describes, with the weights its training begins with.
 *
 * @throws {AppError} `user-code-failed`, when the bundle has no `model` export or it fails
 */
export function buildModel(
  spec: ModelSpec,
  { tf, classes, imageSize, imageSizes = [imageSize], seed, bundle, blank = false }: BuildModel,
): Model {
  const made: ModelVariable[] = []
  const dispose = () => tf.dispose(made.map(({ variable }) => variable))
  const layersOf = (group: string, prefix = group) => createLayers({ tf, seed, blank, made, group, prefix })
  try {
    const groups = groupsOf(spec, { tf, layersOf, classes, imageSize, imageSizes }, bundle)
    // Guarded, as a bundle's may be wrong; a built-in model's never are.
    guardBundle('model', checkGroups)(groups, made)
    return { groups, variables: made, dispose }
  } catch (error) {
    dispose()
    throw error
  }
}

/** The layer groups of a model, made with whatever layers it is given. @throws {AppError} `user-code-failed` */
export function groupsOf(spec: ModelSpec, tools: GroupTools, bundle?: BundleModule): readonly LayerGroup[] {
  switch (spec.name) {
    case 'convnet':
      return buildConvnet(spec, tools)
    case 'resnet':
      return buildResnet(spec, tools)
    case 'resnet18':
    case 'resnet34':
    case 'resnet50':
    case 'seresnext50_32x4d':
    case 'seresnext101_32x4d':
      return buildNamedResnet(spec, tools)
    case 'densenet161':
      return buildDensenet(spec, tools)
    case 'mobilenetv2':
      return buildMobilenet(spec, tools)
    case 'bundle':
      return fromBundle(bundle, {
        ...tools,
        body: tools.layersOf(BODY, ''),
        head: tools.layersOf(HEAD),
        options: spec.options,
      })
    default:
      return assertNever(spec)
  }
}

function fromBundle(bundle: BundleModule | undefined, tools: ModelTools): LayerGroup[] {
  const { model } = bundle ?? {}
  if (model === undefined)
    throw new AppError('user-code-failed', {}, { detail: 'the spec asks for a bundle model; export `model` from it' })
  const groups = guardBundle('model', (given: ModelTools) => listGroups(model(given)))(tools)
  return groups.map(({ name, run }) => ({ name, run: guardBundle(`model ${name}`, run) }))
}

function listGroups(made: BundleModel): readonly LayerGroup[] {
  if ('groups' in made) return made.groups
  return [
    { name: BODY, run: made.body },
    { name: HEAD, run: made.head },
  ]
}
