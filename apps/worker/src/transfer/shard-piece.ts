import { Digest } from '@baton/contracts'
import { z } from 'zod'

/** A sample's bytes in a shard. */
export const ShardPiece = z.strictObject({
  offset: z.int().nonnegative(),
  length: z.int().positive(),
  digest: Digest,
})
export type ShardPiece = z.infer<typeof ShardPiece>

/** A file that has bytes of a shard, each at its offset in the shard. */
export const ShardFile = z.strictObject({
  path: z.string().min(1),
  /** Whether it is the whole shard; else it has the pieces that were asked for, and others that were before. */
  isWhole: z.boolean(),
})
export type ShardFile = z.infer<typeof ShardFile>
