import type { Client, Lease } from '@baton/contracts'
import { retrying } from '../retry-policy.ts'
import type { Tools } from '../retry-policy.ts'

/** Presigned addresses of a fold's objects. They expire, so they are asked for when needed and again when refused. */
export interface Addresses {
  /** The address to read an object from. */
  of(digest: string): Promise<string>
  /** Forgets an address that storage refuses. */
  forget(digest: string): void
}

/** Most digests that one request names. */
const pageSize = 500

/**
 * Addresses of the given objects, asked for in as few requests as they fit in.
 *
 * @throws what `createFoldDownloads` throws, where trying again does not help
 */
export function foldAddresses(
  tools: Tools,
  input: { api: Client; lease: Lease; digests: readonly string[]; signal: AbortSignal },
): Addresses {
  const { api, lease, digests, signal } = input
  const placeOf = new Map(digests.map((digest, i) => [digest, i]))
  const known = new Map<string, Promise<string>>()

  function request(wanted: readonly string[]): void {
    const answer = retrying(tools, { what: 'ask for download addresses', signal }, () =>
      api.createFoldDownloads(
        { params: { fold: lease.foldId }, body: { fence: lease.fence, digests: [...wanted] } },
        { signal },
      ),
    ).then(({ items }) => new Map(items.map((item) => [item.digest, item.url])))
    for (const digest of wanted) {
      const url = answer.then((urls) => urls.get(digest)!)
      // Whoever asks for the address meets the error.
      url.catch(() => known.delete(digest))
      known.set(digest, url)
    }
  }

  /** A page of addresses from this place on, of those that are not known. */
  function requestFrom(place: number): void {
    const wanted: string[] = []
    for (let i = place; i < digests.length && wanted.length < pageSize; i++)
      if (!known.has(digests[i]!)) wanted.push(digests[i]!)
    if (wanted.length > 0) request(wanted)
  }

  return {
    of(digest) {
      const place = placeOf.get(digest)!
      if (!known.has(digest)) requestFrom(place)
      // The next page is on its way before it is waited for.
      const ahead = digests[place + pageSize / 2]
      if (ahead !== undefined && !known.has(ahead)) requestFrom(place + pageSize / 2)
      return known.get(digest)!
    },
    forget(digest) {
      known.delete(digest)
    },
  }
}
