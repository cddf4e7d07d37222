import { Digest } from '@baton/contracts'
import { z } from 'zod'

/** A sample's bytes in a shard. */
export const ShardPiece = z.strictObject({
  offset: z.int().nonnegative(),
  length: z.int().positive(),
  digest: Digest,
})
export type ShardPiece = z.infer<typeof ShardPiece>
