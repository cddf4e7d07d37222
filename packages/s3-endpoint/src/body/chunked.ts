import { createHash } from 'node:crypto'
import { S3Error } from '../errors.ts'
import type { ChunkSeed } from '../auth/payload.ts'
import { sameSignature, scopeText, sha256Hex, sign } from '../auth/signature.ts'
import { ByteReader } from './byte-reader.ts'

export interface ChunkedOptions {
  /** Where given, each chunk's signature is verified, and the trailer's. */
  readonly seed: ChunkSeed | null
  /** Whether trailing headers may follow the last chunk. */
  readonly trailer: boolean
  /** Takes the trailing headers, by lower-case name. */
  readonly onTrailers: (trailers: ReadonlyMap<string, string>) => void
}

/** Only the last chunk may be smaller: S3 refuses what would make a body mostly framing. */
const chunkMinBytes = 8192
const lineMaxBytes = 4096
const trailersMax = 16

/**
 * Takes the `aws-chunked` framing off a body.
 *
 *   hex-size[;chunk-signature=…] CRLF bytes CRLF … 0[;chunk-signature=…] CRLF (name:value CRLF)* CRLF
 *
 * A chunk's bytes come out before its signature was compared: keep nothing until the generator has ended.
 *
 * @throws {S3Error} `IncompleteBody` for broken framing, `SignatureDoesNotMatch`, `InvalidChunkSizeError`,
 *   `MalformedTrailerError`
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
 */
export async function* decodeChunked(source: AsyncIterable<Buffer>, options: ChunkedOptions): AsyncGenerator<Buffer> {
  const reader = new ByteReader(source, () => new S3Error('IncompleteBody'))
  const signer = options.seed && chainSignatures(options.seed)
  for (let before = chunkMinBytes; ;) {
    const { sizeBytes, signature } = readChunkHead(await reader.line(lineMaxBytes), signer !== null)
    if (sizeBytes > 0 && before < chunkMinBytes) throw new S3Error('InvalidChunkSizeError', { BadChunkSize: before })
    const hash = createHash('sha256')
    for await (const piece of reader.take(sizeBytes)) {
      if (signer) hash.update(piece)
      yield piece
    }
    signer?.chunk(hash.digest('hex'), signature!)
    if (sizeBytes === 0) break
    if ((await reader.line(lineMaxBytes)) !== '') throw new S3Error('IncompleteBody')
    before = sizeBytes
  }
  options.onTrailers(await readTrailers(reader, options.trailer, signer))
  await reader.end()
}

function readChunkHead(line: string, signed: boolean) {
  const match = /^([0-9a-fA-F]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line)
  if (match === null || (signed && match[2] === undefined)) throw new S3Error('IncompleteBody')
  return { sizeBytes: Number.parseInt(match[1]!, 16), signature: match[2] }
}

async function readTrailers(reader: ByteReader, allowed: boolean, signer: SignatureChain | null) {
  const trailers = new Map<string, string>()
  for (let line = await reader.line(lineMaxBytes); line !== ''; line = await reader.line(lineMaxBytes)) {
    const colon = line.indexOf(':')
    if (colon <= 0 || !allowed || trailers.size === trailersMax) throw new S3Error('MalformedTrailerError')
    trailers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim())
  }
  const signature = trailers.get('x-amz-trailer-signature')
  trailers.delete('x-amz-trailer-signature')
  if (allowed && signer) {
    if (signature === undefined) throw new S3Error('MalformedTrailerError')
    signer.trailer([...trailers].map(([name, value]) => `${name}:${value}\n`).join(''), signature)
  }
  return trailers
}

interface SignatureChain {
  chunk(sha256: string, signature: string): void
  trailer(text: string, signature: string): void
}

/** Each signature is made over the one before, so that chunks cannot be dropped, swapped or repeated. */
function chainSignatures({ scope, signature: first }: ChunkSeed): SignatureChain {
  let previous = first
  const verify = (kind: string, hashes: string[], signature: string) => {
    const text = [`AWS4-HMAC-SHA256-${kind}`, scope.date, scopeText(scope), previous, ...hashes].join('\n')
    if (!sameSignature(sign(scope, text), signature)) throw new S3Error('SignatureDoesNotMatch')
    previous = signature
  }
  return {
    chunk: (sha256, signature) => verify('PAYLOAD', [sha256Hex(''), sha256], signature),
    trailer: (text, signature) => verify('TRAILER', [sha256Hex(text)], signature),
  }
}
