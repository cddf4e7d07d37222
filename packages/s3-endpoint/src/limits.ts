import type { Pool } from 'pg'
import { S3Error } from './errors.ts'

/** How much this endpoint takes. */
export interface Limits {
  /** The largest object, however it arrives. Default 5 TiB, as on Amazon S3; a single body is at most 5 GiB anyway. */
  readonly objectMaxBytes?: number | undefined
  /** What a bucket's objects and open uploads hold together at most. Default: as much as the disk. */
  readonly bucketMaxBytes?: number | undefined
}

export const objectMaxBytesDefault = 5 * 1024 ** 4

/**
 * Refuses an object, or what of it is known so far, that is larger than objects may be.
 * @throws {S3Error} `EntityTooLarge`
 */
export function checkObjectSize(sizeBytes: number, { objectMaxBytes = objectMaxBytesDefault }: Limits): void {
  if (sizeBytes > objectMaxBytes)
    throw new S3Error('EntityTooLarge', { ProposedSize: sizeBytes, MaxSizeAllowed: objectMaxBytes })
}

/** Room in buckets, taken before bytes are written. */
export interface Quota {
  /**
   * Runs `work` with room for so many bytes set aside; they are given back when it ends, as its row counts then.
   * @throws {S3Error} `QuotaExceeded`
   */
  withRoom<T>(bucket: string, sizeBytes: number, work: () => Promise<T>): Promise<T>
}

interface Usage {
  /** At least what rows and writes in progress hold: it grows with each write and shrinks only when rows are summed. */
  upperBytes: number
  /** Of the writes in progress. */
  pendingBytes: number
  /** Ever let in. */
  admittedBytes: number
}

/**
 * The quota of an endpoint's buckets. Rows are summed only when the upper bound that is kept in memory has reached the
 * limit, so a bucket with room costs no query; there is one process, so nobody else writes.
 */
export function createQuota(db: Pool, { bucketMaxBytes = Infinity }: Limits): Quota {
  const usages = new Map<string, Usage>()

  const recount = async (bucket: string, usage: Usage) => {
    const { pendingBytes, admittedBytes } = usage
    const stored = await readStoredBytes(db, bucket)
    // What was let in meanwhile may not be among the rows, nor among what was pending before.
    usage.upperBytes = stored + pendingBytes + (usage.admittedBytes - admittedBytes)
  }
  const admit = async (bucket: string, sizeBytes: number): Promise<Usage> => {
    const usage = usages.get(bucket) ?? { upperBytes: Infinity, pendingBytes: 0, admittedBytes: 0 }
    usages.set(bucket, usage)
    if (usage.upperBytes + sizeBytes > bucketMaxBytes) await recount(bucket, usage)
    if (usage.upperBytes + sizeBytes > bucketMaxBytes)
      throw new S3Error('QuotaExceeded', {
        BucketName: bucket,
        ProposedSize: sizeBytes,
        MaxSizeAllowed: bucketMaxBytes,
      })
    usage.upperBytes += sizeBytes
    usage.pendingBytes += sizeBytes
    usage.admittedBytes += sizeBytes
    return usage
  }

  return {
    async withRoom(bucket, sizeBytes, work) {
      if (bucketMaxBytes === Infinity) return work()
      const usage = await admit(bucket, sizeBytes)
      try {
        return await work()
      } finally {
        usage.pendingBytes -= sizeBytes
      }
    },
  }
}

/** Bytes of a bucket's objects, and of the parts of uploads that are open. */
async function readStoredBytes(db: Pool, bucket: string): Promise<number> {
  const { rows } = await db.query<{ bytes: string }>(
    `SELECT (SELECT coalesce(sum(size_bytes), 0) FROM s3_object WHERE bucket = $1)
          + (SELECT coalesce(sum(p.size_bytes), 0) FROM s3_upload u JOIN s3_part p ON p.upload_id = u.id
             WHERE u.bucket = $1) AS bytes`,
    [bucket],
  )
  return Number(rows[0]!.bytes)
}
