import { describe, expect, test } from 'vitest'
import { S3Error } from '../errors.ts'
import { readHeaders } from '../headers.ts'
import { readTarget } from '../request.ts'
import { authenticate } from './authenticate.ts'

// The account, bucket and signatures of Amazon's own examples:
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html and sigv4-query-string-auth.html
const credentials = [
  { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' },
]
const signedAt = Date.parse('2013-05-24T00:00:00Z')
const emptyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

function verify(method: string, url: string, headers: Record<string, string>, now = signedAt, region = 'us-east-1') {
  const raw = Object.entries({ Host: 'examplebucket.s3.amazonaws.com', ...headers }).flat()
  const request = { ...readTarget(url, ''), method, headers: readHeaders(raw) }
  return authenticate(request, { credentials, region, now: () => now })
}

function refusal(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    if (error instanceof S3Error) return `${error.status} ${error.code}`
    throw error
  }
  return 'accepted'
}

const authorization = (signedHeaders: string, signature: string, credential = 'AKIAIOSFODNN7EXAMPLE/20130524') =>
  `AWS4-HMAC-SHA256 Credential=${credential}/us-east-1/s3/aws4_request,SignedHeaders=${signedHeaders},Signature=${signature}`

const getObject = {
  Authorization: authorization(
    'host;range;x-amz-content-sha256;x-amz-date',
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  ),
  Range: 'bytes=0-9',
  'x-amz-content-sha256': emptyHash,
  'x-amz-date': '20130524T000000Z',
}

const presigned =
  '/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404'

describe('a signed header', () => {
  test("proves its sender: Amazon's examples", () => {
    expect(verify('GET', '/test.txt', getObject)).toMatchObject({
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
      payload: { kind: 'sha256', hex: emptyHash },
    })
    verify('PUT', '/test%24file.text', {
      Authorization: authorization(
        'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
        '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
      ),
      Date: 'Fri, 24 May 2013 00:00:00 GMT',
      'x-amz-content-sha256': '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
      'x-amz-date': '20130524T000000Z',
      'x-amz-storage-class': 'REDUCED_REDUNDANCY',
    })
    verify('GET', '/?lifecycle', {
      Authorization: authorization(
        'host;x-amz-content-sha256;x-amz-date',
        'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
      ),
      'x-amz-content-sha256': emptyHash,
      'x-amz-date': '20130524T000000Z',
    })
    verify('GET', '/?max-keys=2&prefix=J', {
      Authorization: authorization(
        'host;x-amz-content-sha256;x-amz-date',
        '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
      ),
      'x-amz-content-sha256': emptyHash,
      'x-amz-date': '20130524T000000Z',
    })
  })

  test.each([
    ['another method', () => verify('PUT', '/test.txt', getObject)],
    ['another path', () => verify('GET', '/test2.txt', getObject)],
    ['another query', () => verify('GET', '/test.txt?a', getObject)],
    ['another value of a signed header', () => verify('GET', '/test.txt', { ...getObject, Range: 'bytes=0-99' })],
    ['another host', () => verify('GET', '/test.txt', { ...getObject, Host: 'elsewhere' })],
    ['another payload', () => verify('GET', '/test.txt', { ...getObject, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' })],
  ])('does not hold for %s', (_, call) => {
    expect(refusal(call)).toBe('403 SignatureDoesNotMatch')
  })

  test('must cover every x-amz- header', () => {
    const more = { ...getObject, 'x-amz-copy-source': '/other/secret' }
    expect(refusal(() => verify('GET', '/test.txt', more))).toBe('403 AccessDenied')
  })

  test('holds for fifteen minutes either way', () => {
    const at = (minutes: number) => refusal(() => verify('GET', '/test.txt', getObject, signedAt + minutes * 60_000))
    expect([at(-15), at(15)]).toEqual(['accepted', 'accepted'])
    expect([at(-16), at(16)]).toEqual(['403 RequestTimeTooSkewed', '403 RequestTimeTooSkewed'])
  })

  test('is of this region and of a known key', () => {
    const elsewhere = () => verify('GET', '/test.txt', getObject, signedAt, 'eu-north-1')
    expect(refusal(elsewhere)).toBe('400 AuthorizationHeaderMalformed')
    const stranger = getObject.Authorization.replace('AKIAIOSFODNN7EXAMPLE', 'SOMEBODY')
    expect(refusal(() => verify('GET', '/test.txt', { ...getObject, Authorization: stranger }))).toBe(
      '403 InvalidAccessKeyId',
    )
  })

  test('without a sender is refused', () => {
    expect(refusal(() => verify('GET', '/test.txt', {}))).toBe('403 AccessDenied')
  })

  test.each([
    ['', '403 AccessDenied'],
    ['nonsense', '400 InvalidArgument'],
    ['AWS key:signature', '400 InvalidRequest'],
    ['Bearer token', '400 InvalidArgument'],
    ['AWS4-HMAC-SHA256 ', '400 AuthorizationHeaderMalformed'],
    ['AWS4-HMAC-SHA256 Credential=a/b,SignedHeaders=host,Signature=x', '400 AuthorizationHeaderMalformed'],
    [authorization('host', ''), '400 AuthorizationHeaderMalformed'],
    [authorization('host', 'zz', 'AKIAIOSFODNN7EXAMPLE/2013'), '400 AuthorizationHeaderMalformed'],
    [authorization('host', 'zz', 'AKIAIOSFODNN7EXAMPLE/20130523'), '400 AuthorizationHeaderMalformed'],
    [authorization('', 'zz'), '400 AuthorizationHeaderMalformed'],
    [authorization('host;x-amz-content-sha256;x-amz-date', 'é'.repeat(64)), '403 SignatureDoesNotMatch'],
  ])('that is not one is refused: %j', (header, expected) => {
    const { Range: _, ...rest } = getObject
    const headers = header === '' ? { 'x-amz-date': rest['x-amz-date'] } : { ...rest, Authorization: header }
    expect(refusal(() => verify('GET', '/test.txt', headers))).toBe(expected)
  })
})

describe('a presigned address', () => {
  test("proves its maker: Amazon's example", () => {
    expect(verify('GET', presigned, {}).payload).toEqual({ kind: 'unsigned' })
  })

  test('ends', () => {
    const at = (ms: number) => refusal(() => verify('GET', presigned, {}, signedAt + ms))
    expect(at(86_400_000)).toBe('accepted')
    expect(at(86_400_001)).toBe('403 AccessDenied')
    expect(at(-16 * 60_000)).toBe('403 AccessDenied')
  })

  test('cannot be changed', () => {
    const changed = [
      presigned.replace('test.txt', 'other.txt'),
      presigned.replace('86400', '86401'),
      `${presigned}&x-amz-checksum-sha256=other`,
      `${presigned}&versionId=null`,
      presigned.replace(/.$/, '5'),
    ]
    for (const url of changed) expect(refusal(() => verify('GET', url, {}))).toBe('403 SignatureDoesNotMatch')
    expect(refusal(() => verify('PUT', presigned, {}))).toBe('403 SignatureDoesNotMatch')
  })

  test('takes no header that it does not sign', () => {
    const copy = { 'x-amz-copy-source': '/other/secret' }
    expect(refusal(() => verify('GET', presigned, copy))).toBe('403 AccessDenied')
  })

  test.each([
    ['X-Amz-Credential=', 'X-Amz-Nothing='],
    ['X-Amz-Expires=86400', 'X-Amz-Expires=-1'],
    ['X-Amz-Expires=86400', 'X-Amz-Expires=604801'],
    ['X-Amz-Expires=86400', 'X-Amz-Expires=1e3'],
    ['X-Amz-Date=20130524T000000Z', 'X-Amz-Date=20130524'],
    ['X-Amz-Date=20130524T000000Z', 'X-Amz-Date=20139924T000000Z'],
    ['%2Fs3%2F', '%2Fec2%2F'],
    ['AWS4-HMAC-SHA256', 'AWS4-ECDSA-P256-SHA256'],
    ['AKIAIOSFODNN7EXAMPLE%2F', ''],
  ])('with %j made %j is malformed', (from, to) => {
    expect(refusal(() => verify('GET', presigned.replace(from, to), {}))).toBe('400 AuthorizationQueryParametersError')
  })
})
