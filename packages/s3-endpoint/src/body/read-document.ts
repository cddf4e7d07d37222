import { createHash } from 'node:crypto'
import { S3Error, invalidRequest } from '../errors.ts'
import type { S3Request } from '../request.ts'
import { algorithms } from './checksum.ts'
import { isBase64Of } from './checksum.ts'
import { readChecksum } from './expect.ts'
import { checkMd5, checkPayloadHash } from './store.ts'

/** A list of 10,000 parts with checksums, or of 1,000 keys of 1,024 escaped bytes, is smaller. */
const documentMaxBytes = 8 * 1024 * 1024

/**
 * A request's whole body as text, checked against the hashes that the request names.
 * @throws {S3Error} 4xx for a body that is too long, is not UTF-8, or differs from what was said
 */
export async function readDocument(request: S3Request): Promise<string> {
  const { headers, payload } = request
  if (payload.kind === 'chunked') throw invalidRequest('The value of x-amz-content-sha256 header is invalid.')
  const md5 = headers.get('content-md5')
  if (md5 !== undefined && !isBase64Of(md5, 16)) throw new S3Error('InvalidDigest', { 'Content-MD5': md5 })
  const checksum = readChecksum(headers)

  const bytes = await collect(request.body)
  if (payload.kind === 'sha256') checkPayloadHash(payload.hex, createHash('sha256').update(bytes).digest('hex'))
  checkMd5(md5, createHash('md5').update(bytes).digest('hex'))
  if (checksum?.value !== undefined) {
    const digester = algorithms[checksum.algorithm].create()
    digester.update(bytes)
    if ((await digester.digest()).toString('base64') !== checksum.value)
      throw new S3Error(
        'BadDigest',
        {},
        `The ${checksum.algorithm} you specified did not match the calculated checksum.`,
      )
  }
  return decodeUtf8(bytes)
}

async function collect(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of body) {
    sizeBytes += chunk.length
    if (sizeBytes > documentMaxBytes)
      throw new S3Error('MaxMessageLengthExceeded', { MaxMessageLengthBytes: documentMaxBytes })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function decodeUtf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new S3Error('MalformedXML')
  }
}
