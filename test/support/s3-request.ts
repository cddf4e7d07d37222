import { createHash, createHmac } from 'node:crypto'
import { credentials, region } from './s3-credentials.ts'

export interface RawRequest {
  readonly method: string
  /** Full address; what is in it is signed as it stands. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** `x-amz-content-sha256`; default: the body's own hash. */
  readonly payloadHash?: string
}

/** Headers that sign a request: written apart from the endpoint's own code, so that both cannot be wrong alike. */
export function signRequest({ method, url, headers = {}, body = '', payloadHash }: RawRequest): Record<string, string> {
  const { host, pathname, searchParams } = new URL(url)
  const date = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
  const hash = payloadHash ?? sha256(body)
  const all: Record<string, string> = { ...headers, host, 'x-amz-date': date, 'x-amz-content-sha256': hash }
  const names = Object.keys(all).sort()
  // By name first: `select-type=2` comes after `select=`.
  const query = [...searchParams]
    .map(([name, value]) => `${encode(name)}\0${encode(value)}`)
    .sort()
    .map((pair) => pair.replace('\0', '='))
  const canonical = [
    method,
    pathname,
    query.join('&'),
    ...names.map((name) => `${name}:${all[name]}`),
    '',
    names.join(';'),
    hash,
  ].join('\n')
  const scope = `${date.slice(0, 8)}/${region}/s3/aws4_request`
  const key = [date.slice(0, 8), region, 's3', 'aws4_request'].reduce<Buffer>(
    hmac,
    Buffer.from(`AWS4${credentials.secretAccessKey}`),
  )
  const signature = hmac(key, ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n')).toString('hex')
  const authorization = `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`
  const { host: _, ...sent } = all
  return { ...sent, authorization }
}

/** Sends a signed request; answers with status, error code where there is one, and body. */
export async function sendRaw(request: RawRequest) {
  const { method, url, body } = request
  const response = await fetch(url, {
    method,
    headers: signRequest(request),
    ...(body === undefined ? {} : { body }),
  })
  const text = await response.text()
  return { status: response.status, code: /<Code>(\w+)<\/Code>/.exec(text)?.[1], text, headers: response.headers }
}

const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex')
const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
const encode = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
