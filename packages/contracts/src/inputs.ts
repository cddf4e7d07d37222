import { z } from 'zod'
import { LabelGroup } from './dataset.ts'
import { Blob } from './ids.ts'

const origin = {
  ...Blob.shape,
  /** Where it is from, as the spec names it: `imet#41/3`, or an artifact's name. */
  source: z.string().max(200),
  /** The fold whose training takes it; null: every fold's. */
  fold: z.int().nonnegative().nullable(),
}

/**
 * An object that a training takes from elsewhere. It is found when the experiment is created and stays the same: the
 * spec and its inputs decide the training. `use` is the part of the spec that asks for it.
 *
 * weights                what the model begins with, by variable name
 * slots                  what the optimizer goes on with, by variable name
 * oof, test-predictions  what another experiment's fold predicted
 */
export const ExperimentInput = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('weights'),
    use: z.enum(['from', 'model.weights']),
    ...origin,
    /** `body`: the classifier starts afresh, because it was one of other labels. */
    part: z.enum(['all', 'body']),
  }),
  z.strictObject({ kind: z.literal('slots'), use: z.literal('from'), ...origin }),
  z.strictObject({
    kind: z.enum(['oof', 'test-predictions']),
    use: z.enum(['targets.distill', 'targets.pseudo', 'targets.clean']),
    ...origin,
    /** Label groups that its columns are of; null: all of the dataset's. */
    labels: z.array(LabelGroup.shape.name).nullable(),
  }),
])
export type ExperimentInput = z.infer<typeof ExperimentInput>

/** Predictions among them. */
export type PredictionsInput = Extract<ExperimentInput, { labels: unknown }>
