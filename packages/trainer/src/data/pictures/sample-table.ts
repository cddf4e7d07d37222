import type { Sample } from '@baton/contracts'

/** Where a sample's encoded bytes lie, and what they are to be. */
interface StoredSample {
  readonly shard: number
  /** In bytes. */
  readonly offset: number
  readonly length: number
  /** SHA-256. */
  readonly digest: Uint8Array
}

/** All samples in memory that threads share: a thread is told the table once, and indexes from then on. */
export interface SampleTable {
  /** Shard, offset and length. [n, 3] */
  readonly numbers: Float64Array
  /** [n, 32] */
  readonly digests: Uint8Array
  /** 1 once a sample's bytes were read and had its digest. [n] */
  readonly checked: Uint8Array
}

const digestBytes = 32

export function shareSamples(samples: readonly Pick<Sample, 'shard' | 'offset' | 'length' | 'digest'>[]): SampleTable {
  const numbers = new Float64Array(new SharedArrayBuffer(samples.length * 3 * Float64Array.BYTES_PER_ELEMENT))
  const digests = new Uint8Array(new SharedArrayBuffer(samples.length * digestBytes))
  samples.forEach(({ shard, offset, length, digest }, i) => {
    numbers.set([shard, offset, length], i * 3)
    digests.set(Buffer.from(digest, 'hex'), i * digestBytes)
  })
  return { numbers, digests, checked: new Uint8Array(new SharedArrayBuffer(samples.length)) }
}

export function sampleAt({ numbers, digests }: SampleTable, i: number): StoredSample {
  const [shard, offset, length] = numbers.subarray(i * 3) as unknown as [number, number, number]
  return { shard, offset, length, digest: digests.subarray(i * digestBytes, (i + 1) * digestBytes) }
}
