import { z } from 'zod'
import { ExperimentRef } from '../ids.ts'
import { oneOrMore, Positive, Probability } from './parts.ts'
import type { AddFault } from './parts.ts'
import type { StageSpec } from './stage.ts'

/** Experiments of this project on the same dataset version, all folds completed; what several say is averaged. */
const Sources = oneOrMore(ExperimentRef, { max: 16 })

const distillBase = {
  /** Whose OOF predictions p teach: for each sample, what a model said that was not trained on it. */
  teacher: Sources,
}

/** Knowledge distillation with out-of-fold teachers. x: logits of the student, y: labels, p: the teachers' mean. */
export const DistillSpec = z.discriminatedUnion('form', [
  z.strictObject({
    ...distillBase,
    /** y' = max(y, κ · p): what the annotator left out is learnt from the teacher. */
    form: z.literal('max'),
    /** How far the teacher is believed, 0 to 1. */
    kappa: Probability.default(0.7),
  }),
  z.strictObject({
    ...distillBase,
    /** (1 − κ) · L(x, y) + κ · T² · BCE(x / T, σ(logit p / T)), L being the stage's loss. */
    form: z.literal('mix'),
    /** Part of the loss that is the teacher's, 0 to 1. */
    kappa: Probability.default(0.7),
    /** T: above 1 it brings out what the teacher holds for less likely. */
    temperature: Positive.max(100).default(1),
  }),
])
export type DistillSpec = z.infer<typeof DistillSpec>

/** Test samples as training samples, with what other models say of them for labels. They are never validated on. */
export const PseudoSpec = z.strictObject({
  /** Whose test predictions p are the labels. */
  from: Sources,
  /** Part of the test samples that is added, from 0 to 1: those with the highest mean |p − ½|. */
  share: Positive.max(1),
  /** A label is 1 where p is above it, else 0; null: the label is p itself. */
  threshold: Probability.nullable().default(null),
  /**
   * `same-fold`: fold k learns from what fold k of the source says, which has not seen its validation samples either;
   * `all`: from the mean over all folds, which has.
   */
  folds: z.enum(['same-fold', 'all']).default('same-fold'),
})
export type PseudoSpec = z.infer<typeof PseudoSpec>

/** Training without the samples whose labels other models find the least likely. Validation keeps them. */
export const CleanSpec = z.strictObject({
  /** Whose OOF predictions are held against the labels. */
  from: Sources,
  /** Part of a fold's training samples that is left out: those with the highest binary cross-entropy. */
  share: Positive.max(0.5),
})
export type CleanSpec = z.infer<typeof CleanSpec>

/** What a training learns beside, or instead of, the labels of its dataset. */
export const TargetsSpec = z.strictObject({
  distill: DistillSpec.nullable().default(null),
  pseudo: PseudoSpec.nullable().default(null),
  clean: CleanSpec.nullable().default(null),
})
export type TargetsSpec = z.infer<typeof TargetsSpec>

export function checkTargets({ distill }: TargetsSpec, stages: readonly StageSpec[], fault: AddFault): void {
  if (distill !== null && stages.some(({ loss }) => loss.name === 'softmax'))
    fault(
      ['distill'],
      'a teacher speaks of each label by itself, and softmax gives one label a sample; choose another loss, or no teacher',
    )
}
