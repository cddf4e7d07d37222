import type { Blob } from '@baton/contracts'

/** Where content-addressed objects live. Every object is named by the SHA-256 of its bytes. */
export interface BlobStore {
  /** Size of an object that the store holds whole, or null. */
  stat(digest: string): Promise<{ sizeBytes: number } | null>
  /**
   * An object's bytes, checked against its digest.
   * @throws {AppError} `blob-missing`, `digest-mismatch`, `payload-too-large` (above maxBytes), `storage-unavailable`
   */
  read(digest: string, limits: { maxBytes: number }): Promise<Uint8Array>
  /** Stores bytes; storing the same bytes again changes nothing. */
  write(bytes: Uint8Array): Promise<Blob>
  /** An address that reads the object, ranges included, without a credential, until it expires. */
  presignGet(digest: string, options: { expiresSeconds: number }): Promise<string>
  /**
   * An address that takes exactly this object, once or often, until it expires: the store itself refuses
   * bytes of another digest, so a holder can never change what others read.
   */
  presignPut(blob: Blob, options: { expiresSeconds: number }): Promise<{ url: string; headers: Record<string, string> }>
  /** Removes objects; those that are not there are passed over. */
  remove(digests: readonly string[]): Promise<void>
}

/** "This fold is ready": what a waiting session is woken with. `offer` counts a fold's offers, 1-based. */
export interface FoldOffer {
  readonly foldId: string
  readonly offer: number
  readonly pool: string
  readonly priority: number
}

/** Hands offers to waiting sessions. It may lose or repeat them: the database decides who gets the fold. */
export interface OfferQueue {
  /** Adds an offer; adding the same fold and offer number again changes nothing. */
  offer(offer: FoldOffer): Promise<void>
  /** Whether this offer still waits to be taken. */
  isWaiting(offer: FoldOffer): Promise<boolean>
  /** Takes back an offer that has been answered in another way, some time soon if at all. */
  withdraw(offer: FoldOffer): void
  /** Waits up to waitMs for an offer of any of the pools, in the order named; null if none came or the signal aborted. */
  take(pools: readonly string[], options: { waitMs: number; signal?: AbortSignal }): Promise<FoldOffer | null>
}
