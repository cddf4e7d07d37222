import { z } from 'zod'
import { ArtifactName, Blob, Id } from './ids.ts'
import { Moment } from './resources.ts'

/** `ensemble` is an experiment's assembled test predictions; `test-predictions` are those of one fold. */
export const ArtifactKind = z.enum(['weights', 'oof', 'test-predictions', 'ensemble', 'submission', 'other'])
export type ArtifactKind = z.infer<typeof ArtifactKind>

/** What an experiment left: an object that people may want, and the name to keep it under. */
export const ExperimentArtifact = Blob.extend({
  name: ArtifactName,
  kind: ArtifactKind,
  /** The fold it is of; null: of the whole experiment. */
  fold: z.int().nonnegative().nullable(),
})
export type ExperimentArtifact = z.infer<typeof ExperimentArtifact>

/** An object that a person keeps in a project, by name. It stays in storage as long as this does. */
export const Artifact = Blob.extend({
  id: Id,
  name: ArtifactName,
  kind: ArtifactKind,
  note: z.string(),
  createdAt: Moment,
})
export type Artifact = z.infer<typeof Artifact>
