import { ExperimentSpec, ModelSpec } from '@baton/contracts'

/** One net and what it is trained on, alike in all peers. */
export interface Net {
  readonly name: 'convnet' | 'resnet18' | 'mobilenetv2'
  /** Side of the pictures in pixels. */
  readonly size: number
  readonly batch: number
  /** Pictures of an epoch from files: whole batches. */
  readonly files: number
  readonly model: ModelSpec
}

export const nets: readonly Net[] = [
  net({ name: 'convnet', size: 32, batch: 64, files: 1024 }, { name: 'convnet', width: 32 }),
  net({ name: 'resnet18', size: 64, batch: 32, files: 384 }, { name: 'resnet18' }),
  net({ name: 'mobilenetv2', size: 96, batch: 32, files: 384 }, { name: 'mobilenetv2' }),
]

function net(own: Omit<Net, 'model'>, model: { name: Net['name']; width?: number }): Net {
  return { ...own, model: ModelSpec.parse(model) }
}

export const classes = 10
/** Stochastic gradient descent with momentum, in all peers. */
export const rate = { lr: 0.003, momentum: 0.9 }

/** What Baton trains a net by. */
export function specOf({ name, size, batch, model }: Net): ExperimentSpec {
  return ExperimentSpec.parse({
    name,
    dataset: 'bench',
    folds: { count: 2 },
    model,
    image: { size },
    augment: [{ op: 'flip' }],
    stages: [
      {
        name: 'all',
        batch,
        epochs: 1,
        optimizer: { name: 'sgdm', momentum: rate.momentum },
        schedule: { name: 'constant', lr: rate.lr },
      },
    ],
  })
}
