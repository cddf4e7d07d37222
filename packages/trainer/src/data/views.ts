import type { AugmentOp, ExperimentSpec } from '@baton/contracts'
import { assertNever } from '@baton/contracts'
import { takenBy } from './augment/augment-plan.ts'
import { planAugment } from './augment/plan-augment.ts'
import type { Scope } from './augment/draws.ts'
import type { PictureKind } from './augment/picture.ts'
import { plainOps, viewOps } from './augment/presets.ts'
import type { ImageSource } from './image-source.ts'
import type { View } from './pictures/picture-maker.ts'
import { prefetch } from './prefetch.ts'

/** The pictures of a sample that its prediction is the mean of. */
export interface Views {
  readonly count: number
  /** What they are made from. */
  readonly kind: PictureKind
  /** How each is made: squares of the model's size. [count] */
  readonly each: readonly View[]
}

/**
 * The views that a spec's predictions are made of, as a pure function of seed, fold, sample and view.
 *
 *   none   the plain view
 *   flip   the plain view and its mirror image
 *   views  as many draws of what moves pictures in training
 */
export function createViews({ augment, evaluate, image, seed }: ExperimentSpec, fold: number): Views {
  const drawn = viewsOf({ augment, evaluate }, [seed, fold, 'tta'])
  const each = drawn.map(({ ops, scope }) => ({ plan: planAugment(ops, image), scope }))
  // All views cut or none does.
  return { count: each.length, kind: takenBy(each[0]!.plan), each }
}

interface DrawnView {
  readonly ops: readonly AugmentOp[]
  readonly scope: Scope
}

function viewsOf({ augment, evaluate }: Pick<ExperimentSpec, 'augment' | 'evaluate'>, scope: Scope): DrawnView[] {
  const { tta } = evaluate
  const plain = { ops: plainOps(augment), scope }
  switch (tta) {
    case 'none':
      return [plain]
    case 'flip':
      return [plain, { ops: [...plain.ops, { op: 'flip', p: 1 }], scope }]
    default:
      return typeof tta === 'string'
        ? assertNever(tta)
        : Array.from({ length: tta.views }, (_, view) => ({ ops: viewOps(augment), scope: [...scope, view] }))
  }
}

/** Samples with their views, as the model takes them. */
export interface ViewBatch {
  /** Indexes in the manifest. [n] */
  readonly samples: Int32Array
  /** RGB, 0 to 255, each sample's views together. [n · views, size, size, 3] */
  readonly images: Uint8Array
}

/** The samples in their order, as many at a time as have `batch` views, at least one; the last may be fewer. */
export function viewBatches(
  source: ImageSource,
  views: Views,
  samples: Int32Array,
  { batch, size }: { batch: number; size: number },
): AsyncGenerator<ViewBatch, void> {
  const each = Math.max(1, Math.floor(batch / views.count))
  const batches = Math.ceil(samples.length / each)
  const ahead = source.batchesAhead(each * views.count * size * size * 3, batches)
  return prefetch(0, batches, ahead, async (i) => {
    const own = samples.slice(i * each, (i + 1) * each)
    return { samples: own, images: await source.make(own, views.each) }
  })
}
