import { S3Error, invalidArgument, invalidRequest } from '../errors.ts'
import type { Headers } from '../headers.ts'
import type { Query } from '../query.ts'
import { algorithm } from './signature.ts'

/** Who a request says it comes from, and the signature that is to prove it. Nothing here is checked yet. */
export interface Claim {
  readonly accessKeyId: string
  /** yyyyMMdd of the credential scope. */
  readonly day: string
  readonly region: string
  readonly signedHeaders: readonly string[]
  readonly signature: string
}

/** The two ways to sign name the same mistake each in its own words. */
type Complain = (detail: string) => S3Error
const inHeader: Complain = (detail) => malformedHeader(detail)
const inQuery: Complain = (detail) => malformedQuery(`Error parsing the X-Amz-Credential parameter; ${detail}`)

/**
 * Reads an `Authorization` header.
 * @throws {S3Error} `AccessDenied` without one, `InvalidArgument`, `InvalidRequest`, `AuthorizationHeaderMalformed`
 */
export function claimOfHeader(headers: Headers): Claim {
  const authorization = headers.get('authorization')
  if (authorization === undefined) throw new S3Error('AccessDenied')
  const space = authorization.indexOf(' ')
  if (space < 0) {
    const message = "Authorization header is invalid -- one and only one ' ' (space) required."
    throw invalidArgument('Authorization', authorization, message)
  }
  checkAlgorithm(authorization.slice(0, space))
  const components = readComponents(authorization.slice(space + 1))
  return {
    ...readCredential(components.Credential, inHeader),
    signedHeaders: components.SignedHeaders.toLowerCase().split(';'),
    signature: components.Signature,
  }
}

/**
 * Reads the query of a presigned address.
 * @throws {S3Error} `AuthorizationQueryParametersError`, `InvalidRequest`
 */
export function claimOfQuery(query: Query): Claim {
  if (query.has('AWSAccessKeyId')) throw unsupportedMechanism()
  const [named, credential, signedHeaders, signature] = [
    'X-Amz-Algorithm',
    'X-Amz-Credential',
    'X-Amz-SignedHeaders',
    'X-Amz-Signature',
  ].map((name) => query.get(name))
  if (!named || !credential || !signedHeaders || !signature || !query.get('X-Amz-Date') || !query.get('X-Amz-Expires'))
    throw malformedQuery(
      'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.',
    )
  if (named === 'AWS4-ECDSA-P256-SHA256') throw malformedQuery('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
  if (named !== algorithm)
    throw malformedQuery('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"')
  return { ...readCredential(credential, inQuery), signedHeaders: signedHeaders.toLowerCase().split(';'), signature }
}

/** Whether the query carries a signature, of any version. */
export function isPresigned(query: Query): boolean {
  return ['X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Signature', 'X-Amz-Expires', 'AWSAccessKeyId'].some((name) =>
    query.has(name),
  )
}

/** @throws {S3Error} where the scope names another region or day than this endpoint and the request's date do */
export function checkScope(claim: Claim, expected: { region: string; date: string; presigned: boolean }): void {
  const { region, date, presigned } = expected
  if (claim.region !== region) {
    const detail = `the region ${quote(claim.region)} is wrong; expecting ${quote(region)}`
    throw presigned ? inQuery(detail) : malformedHeader(detail, { Region: region })
  }
  if (claim.day === date.slice(0, 8)) return
  throw presigned
    ? malformedQuery(
        `Invalid credential date ${quote(claim.day)}. This date is not the same as X-Amz-Date: ${quote(date.slice(0, 8))}.`,
      )
    : malformedHeader('Invalid credential date. Date is not the same as X-Amz-Date.')
}

/** The 400 of a presigned address that cannot be read. */
export function malformedQuery(message: string): S3Error {
  return new S3Error('AuthorizationQueryParametersError', {}, message)
}

function checkAlgorithm(named: string): void {
  if (named === algorithm) return
  if (named === 'AWS') throw unsupportedMechanism()
  throw invalidArgument('Authorization', named, 'Unsupported Authorization Type')
}

function readComponents(text: string) {
  const parts = text.split(',').map((part) => part.trim())
  if (parts.length !== 3)
    throw malformedHeader(
      'the authorization header requires three components: Credential, SignedHeaders, and Signature.',
    )
  const components = new Map<string, string>()
  for (const part of parts) {
    const equals = part.indexOf('=')
    if (equals < 0) throw malformedHeader(`the authorization component ${quote(part)} is malformed.`)
    components.set(part.slice(0, equals), part.slice(equals + 1))
  }
  const required = (name: string) => {
    const value = components.get(name)
    if (!value) throw malformedHeader(`missing ${name}.`)
    return value
  }
  return {
    Credential: required('Credential'),
    SignedHeaders: required('SignedHeaders'),
    Signature: required('Signature'),
  }
}

function readCredential(text: string, complain: Complain) {
  const [accessKeyId, day, region, service, terminal, ...more] = text.split('/')
  if (!accessKeyId || !day || !region || !service || !terminal || more.length > 0)
    throw complain('the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".')
  if (terminal !== 'aws4_request')
    throw complain(`incorrect terminal ${quote(terminal)}. This endpoint uses "aws4_request".`)
  if (service !== 's3') throw complain(`incorrect service ${quote(service)}. This endpoint belongs to "s3".`)
  if (!/^\d{8}$/.test(day))
    throw complain(`incorrect date format ${quote(day)}. This date in the credential must be in the format "yyyyMMdd".`)
  return { accessKeyId, day, region }
}

function malformedHeader(detail: string, details: Record<string, string> = {}): S3Error {
  return new S3Error('AuthorizationHeaderMalformed', details, `The authorization header is malformed; ${detail}`)
}

function unsupportedMechanism(): S3Error {
  return invalidRequest('The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.')
}

const quote = (text: string) => JSON.stringify(text)
