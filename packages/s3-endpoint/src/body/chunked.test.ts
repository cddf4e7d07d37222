import { describe, expect, test } from 'vitest'
import { S3Error } from '../errors.ts'
import { decodeChunked } from './chunked.ts'

// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html: 65,536 + 1,024 bytes of `a`.
const seed = {
  scope: {
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    date: '20130524T000000Z',
    region: 'us-east-1',
  },
  signature: '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
}
const signatures = [
  'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
  '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
  'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
]
const sizes = [65536, 1024, 0]
const chunk = (i: number, fill = 'a') =>
  `${sizes[i]!.toString(16)};chunk-signature=${signatures[i]}\r\n${fill.repeat(sizes[i]!)}\r\n`
const signedBody = [0, 1, 2].map((i) => chunk(i)).join('')

async function* pieces(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text, 'latin1')
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size)
}

async function decode(text: string, { signed = false, trailer = true, size = 1 << 20 } = {}) {
  let trailers: Record<string, string> = {}
  const chunks: Buffer[] = []
  const options = {
    seed: signed ? seed : null,
    trailer,
    onTrailers: (read: ReadonlyMap<string, string>) => (trailers = Object.fromEntries(read)),
  }
  for await (const bytes of decodeChunked(pieces(text, size), options)) chunks.push(bytes)
  return { text: Buffer.concat(chunks).toString('latin1'), trailers }
}

async function refusal(decoding: Promise<unknown>): Promise<string> {
  const error: unknown = await decoding.then(
    () => null,
    (reason: unknown) => reason,
  )
  return error instanceof S3Error ? error.code : String(error)
}

describe('a chunked body', () => {
  test.each([1, 2, 3, 7, 64, 1 << 20])('comes out the same however it is cut: pieces of %i bytes', async (size) => {
    const body = 'b\r\nhello world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n'
    expect(await decode(body, { size })).toEqual({
      text: 'hello world',
      trailers: { 'x-amz-checksum-crc32': 'DUoRhQ==' },
    })
  })

  test.each([
    ['', 'IncompleteBody'],
    ['5\r\nhello\r\n', 'IncompleteBody'],
    ['5\r\nhello\r\n0\r\n', 'IncompleteBody'],
    ['5\r\nhel', 'IncompleteBody'],
    ['5\r\nhello!\r\n0\r\n\r\n', 'IncompleteBody'],
    ['-5\r\nhello\r\n0\r\n\r\n', 'IncompleteBody'],
    ['fffffffffffff\r\nhello', 'IncompleteBody'],
    ['5;name=value\r\nhello\r\n0\r\n\r\n', 'IncompleteBody'],
    ['5\nhello\n0\n\n', 'IncompleteBody'],
    [`${'0'.repeat(100_000)}`, 'IncompleteBody'],
    ['5\r\nhello\r\n0\r\n\r\nmore', 'IncompleteBody'],
    ['5\r\nhello\r\n5\r\nhello\r\n0\r\n\r\n', 'InvalidChunkSizeError'],
    ['5\r\nhello\r\n0\r\nnonsense\r\n\r\n', 'MalformedTrailerError'],
    [
      `5\r\nhello\r\n0\r\n${'a:b\r\n'.repeat(1)}${Array.from({ length: 20 }, (_, i) => `h${i}:v\r\n`).join('')}\r\n`,
      'MalformedTrailerError',
    ],
  ])('that is broken is refused: %j', async (body, code) => {
    expect(await refusal(decode(body))).toBe(code)
  })

  test('takes no trailer where none was announced', async () => {
    const body = '5\r\nhello\r\n0\r\na:b\r\n\r\n'
    expect(await refusal(decode(body, { trailer: false }))).toBe('MalformedTrailerError')
  })
})

describe('a signed chunked body', () => {
  test("is verified chunk by chunk: Amazon's example", async () => {
    const { text } = await decode(signedBody, { signed: true, trailer: false, size: 1000 })
    expect(text).toBe('a'.repeat(66560))
  })

  test.each([
    ['a changed byte', signedBody.replace('aaa\r\n400', 'aab\r\n400')],
    ['a changed signature', signedBody.replace('b6c6', 'b6c7')],
    ['a chunk left out', chunk(0) + chunk(2)],
    ['chunks swapped', chunk(1) + chunk(0) + chunk(2)],
    ['other bytes', chunk(0, 'b') + chunk(1) + chunk(2)],
  ])('is refused with %s', async (_, body) => {
    expect(await refusal(decode(body, { signed: true, trailer: false }))).toMatch(
      /SignatureDoesNotMatch|InvalidChunkSizeError/,
    )
  })

  test('is refused where a signature lacks', async () => {
    const body = signedBody.replace(/;chunk-signature=b6c6\w+/, '')
    expect(await refusal(decode(body, { signed: true, trailer: false }))).toBe('IncompleteBody')
    const trailer = `${signedBody.slice(0, -2)}a:b\r\n\r\n`
    expect(await refusal(decode(trailer, { signed: true }))).toBe('MalformedTrailerError')
  })
})
