import { z } from 'zod'
import { Id, Slug } from './ids.ts'
import { Moment } from './resources.ts'
import { Role } from './states.ts'

/** One request by a person's token that changed something, or was refused to. */
export const AuditEntry = z.strictObject({
  id: z.int().positive(),
  at: Moment,
  tokenId: Id,
  /** The token's name then. */
  token: z.string(),
  role: Role,
  /** The project it was about; null: all, or none. */
  project: Slug.nullable(),
  /** As in OpenAPI's `operationId`; `changeQueues`: on the page of queues. */
  route: z.string(),
  /** Path of the request: what it was about. */
  target: z.string(),
  /** `instance` of the problem where it was refused; stands in the service's log. */
  requestId: z.string(),
  /** `done`, or the code of the problem it was refused with. */
  outcome: z.string(),
})
export type AuditEntry = z.infer<typeof AuditEntry>
