/** Requests a minute, counted by each API process for itself. */
export interface RateLimits {
  /** Of one token. */
  readonly tokenPerMinute: number
  /** Of one address, without a valid token. */
  readonly addressPerMinute: number
}

/** How a caller stands after a request. */
export interface Standing {
  /** When to come back, where this request was one too many; null where it was not. */
  readonly retryAfterSeconds: number | null
  /** What tells the caller (draft-ietf-httpapi-ratelimit-headers-10). */
  readonly headers: { readonly ratelimit: string; readonly 'ratelimit-policy': string }
}

/** More callers than this at a time are an attack, or a fleet that needs replicas. */
const callersMax = 100_000

/**
 * Counts requests by caller: a bucket of `perMinute` each, which fills up again within a minute.
 *
 * @param name Names the policy in the headers.
 * @param now Milliseconds that only grow.
 */
export function rateLimiter(name: string, perMinute: number, now: () => number): (caller: string) => Standing {
  const perMs = perMinute / 60_000
  const buckets = new Map<string, { left: number; atMs: number }>()
  const leftAt = ({ left, atMs }: { left: number; atMs: number }, nowMs: number) =>
    Math.min(perMinute, left + (nowMs - atMs) * perMs)

  const makeRoom = (nowMs: number) => {
    for (const [caller, bucket] of buckets) if (leftAt(bucket, nowMs) === perMinute) buckets.delete(caller)
    // All of them are still filling up: whoever came first starts anew.
    if (buckets.size >= callersMax) buckets.delete(buckets.keys().next().value!)
  }

  return (caller) => {
    const nowMs = now()
    const bucket = buckets.get(caller)
    if (bucket === undefined && buckets.size >= callersMax) makeRoom(nowMs)
    const before = bucket ? leftAt(bucket, nowMs) : perMinute
    const isAllowed = before >= 1
    const left = isAllowed ? before - 1 : before
    buckets.set(caller, { left, atMs: nowMs })
    return {
      retryAfterSeconds: isAllowed ? null : Math.ceil((1 - left) / perMs / 1000),
      headers: {
        ratelimit: `"${name}";r=${Math.floor(left)};t=${Math.ceil((perMinute - left) / perMs / 1000)}`,
        'ratelimit-policy': `"${name}";q=${perMinute};w=60`,
      },
    }
  }
}
