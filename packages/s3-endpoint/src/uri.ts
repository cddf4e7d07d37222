import { S3Error } from './errors.ts'

/** Percent-encodes as Signature Version 4 does: everything but A-Z a-z 0-9 - . _ ~ */
export function encodeUri(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** `encodeUri` that leaves slashes: how a path is signed and how a listing with `encoding-type=url` names keys. */
export function encodePath(text: string): string {
  return encodeUri(text).replaceAll('%2F', '/')
}

/** @throws {S3Error} `InvalidURI` where the bytes are not UTF-8 or a percent sign stands alone */
export function decodeUri(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new S3Error('InvalidURI')
  }
}
