import { z } from 'zod'
import { Blob, Digest, Id, Slug } from './ids.ts'
import { Failure, Moment } from './resources.ts'
import { SubmissionStatus } from './states.ts'

const column = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .regex(/^[^\0\p{Surrogate}]*$/u, 'text without NUL and halves of characters')

/** How a submission's file is written. The defaults are what most competitions with several labels ask for. */
export const SubmissionOptions = z
  .strictObject({
    idColumn: column.default('id'),
    labelsColumn: column.default('labels'),
    /** Labels by name, or by their index into all groups' labels laid end to end; joined by a space either way. */
    labelForm: z.enum(['name', 'index']).default('name'),
    /** By label group, 0 to 1, in place of the threshold that was searched on OOF: the test predictions are ranks. */
    thresholds: z.record(z.string().max(64), z.number().min(0).max(1)).default({}),
    /** `labels`: those that are given; `probabilities`: a column for each label. Null: what the template has, or labels. */
    as: z.enum(['labels', 'probabilities']).nullable().default(null),
    /** An uploaded sample submission: header, samples, their order and the form of labels are taken from it. */
    template: Digest.nullable().default(null),
  })
  .refine(({ idColumn, labelsColumn }) => idColumn !== labelsColumn, {
    path: ['labelsColumn'],
    error: 'must not be the name of the other column',
  })
export type SubmissionOptions = z.infer<typeof SubmissionOptions>

/** A file for a competition, made from an experiment's test predictions, and the scores it got there. */
export const Submission = z.strictObject({
  id: Id,
  project: Slug,
  /** Counts within the project, 1-based. */
  number: z.int().positive(),
  /** The experiment's number in its project. */
  version: z.int().positive(),
  status: SubmissionStatus,
  options: SubmissionOptions,
  /** What the predictions were cut at, by label group; null until the file is there. */
  thresholds: z.record(z.string(), z.number()).nullable(),
  /** The CSV file, and how many samples it has a row for; null until it is there. */
  file: Blob.nullable(),
  rows: z.int().nonnegative().nullable(),
  failure: Failure.pick({ code: true, detail: true }).nullable(),
  /** Scores on the competition's leaderboard: higher is better. */
  lbPublic: z.number().nullable(),
  lbPrivate: z.number().nullable(),
  createdAt: Moment,
  readyAt: Moment.nullable(),
  scoredAt: Moment.nullable(),
})
export type Submission = z.infer<typeof Submission>
