import { z } from 'zod'
import { Id, Slug } from './ids.ts'
import { Moment } from './resources.ts'
import { Role } from './states.ts'

/** A token as its owner sees it; its secret is shown once, when it is made. */
export const Token = z.strictObject({
  id: Id,
  name: z.string(),
  role: Role.exclude(['session']),
  /** The one project it is good for; null: all. */
  project: Slug.nullable(),
  createdAt: Moment,
  /** Null: never. */
  expiresAt: Moment.nullable(),
  /** To the minute. */
  lastUsedAt: Moment.nullable(),
  revokedAt: Moment.nullable(),
  /** When its secret was last replaced. */
  rotatedAt: Moment.nullable(),
})
export type Token = z.infer<typeof Token>

/** What a person says of a token to be made. One-use enrolments are made by `createEnrolment`. */
export const NewToken = z.strictObject({
  name: z.string().trim().min(1).max(120),
  role: Role.extract(['owner', 'submitter', 'viewer']),
  /** Left out: the project of the token that makes it. */
  project: Slug.nullable().optional(),
  /** Null: as long as the token that makes it. */
  validSeconds: z
    .int()
    .min(60)
    .max(10 * 366 * 86_400)
    .nullable()
    .default(null),
})
export type NewToken = z.infer<typeof NewToken>

/** A new token with its secret. */
export const IssuedToken = z.strictObject({
  id: Id,
  name: z.string(),
  role: Role,
  project: Slug.nullable(),
  token: z.string(),
  expiresAt: Moment.nullable(),
})
export type IssuedToken = z.infer<typeof IssuedToken>

export const RotatedToken = IssuedToken.extend({
  /** Until when the secret before is good too. */
  oldValidUntil: Moment,
})
export type RotatedToken = z.infer<typeof RotatedToken>
