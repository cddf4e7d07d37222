import { decodeUri, encodeUri } from './uri.ts'

/** A request's query: decoded pairs in the order they came. Names compare exactly. */
export class Query {
  readonly pairs: readonly (readonly [string, string])[]

  constructor(raw: string) {
    this.pairs = raw
      .split('&')
      .filter((pair) => pair !== '')
      .map((pair) => {
        const [name, ...rest] = pair.replaceAll('+', '%20').split('=')
        return [decodeUri(name!), decodeUri(rest.join('='))] as const
      })
  }

  /** The first value of that name. */
  get(name: string): string | undefined {
    return this.pairs.find(([key]) => key === name)?.[1]
  }

  has(name: string): boolean {
    return this.pairs.some(([key]) => key === name)
  }

  /** The canonical query string of Signature Version 4: encoded, sorted by encoded name, then value. */
  canonical(leaveOut?: string): string {
    return this.pairs
      .filter(([name]) => name !== leaveOut)
      .map(([name, value]) => [encodeUri(name), encodeUri(value)] as const)
      .sort(([a, v], [b, w]) => compare(a, b) || compare(v, w))
      .map((pair) => pair.join('='))
      .join('&')
  }
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
