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
  const { api, lease, signal } = input
  const known = new Map<string, Promise<string>>()

  function request(digests: readonly string[]): void {
    const answer = retrying(tools, { what: 'ask for download addresses', signal }, () =>
      api.createFoldDownloads(
        { params: { fold: lease.foldId }, body: { fence: lease.fence, digests: [...digests] } },
        { signal },
      ),
    ).then(({ items }) => new Map(items.map((item) => [item.digest, item.url])))
    for (const digest of digests) {
      const url = answer.then((urls) => urls.get(digest)!)
      // Whoever asks for the address meets the error.
      url.catch(() => known.delete(digest))
      known.set(digest, url)
    }
  }

  return {
    of(digest) {
      if (!known.has(digest)) {
        const missing = input.digests.filter((other) => !known.has(other))
        request(missing.length > pageSize ? pageAround(digest, missing) : missing)
      }
      return known.get(digest)!
    },
    forget(digest) {
      known.delete(digest)
    },
  }
}

function pageAround(digest: string, digests: readonly string[]): string[] {
  const start = digests.indexOf(digest)
  return digests.slice(start, start + pageSize)
}
