import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import type { Tables } from '@baton/core'

/** A working day: who leaves the browser open is asked again tomorrow. */
export const passSeconds = 12 * 3600

const cipher = 'aes-256-gcm'
const ivBytes = 12
const tagBytes = 16

/**
 * What the browser keeps instead of the token: `<token id>.<end, seconds since 1970>.<the token, sealed>`.
 *
 * The key is made from the token's hash, which every replica finds in the database, so none keeps a sign-in or shares a
 * secret of its own, and rotating the token ends its passes. Whoever has only the pass cannot read the token in it;
 * whoever has only the database cannot make a pass, as the token itself is in none of its rows.
 */
export function sealPass(token: string, of: { id: string; hash: string }, nowMs: number): string {
  const head = `${of.id}.${Math.floor(nowMs / 1000) + passSeconds}`
  const iv = randomBytes(ivBytes)
  const sealing = createCipheriv(cipher, keyOf(of.hash), iv).setAAD(Buffer.from(head))
  const sealed = Buffer.concat([iv, sealing.update(token, 'utf8'), sealing.final(), sealing.getAuthTag()])
  return `${head}.${sealed.toString('base64url')}`
}

/** The token of a pass; undefined if that is at its end, was tampered with or is of a token that was changed since. */
export async function openPass(store: Tables, pass: string, nowMs: number): Promise<string | undefined> {
  const parts = /^(([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(\d{1,12}))\.([\w-]{40,400})$/.exec(pass)
  if (!parts) return undefined
  const [, head, id, end, body] = parts as unknown as [string, string, string, string, string]
  if (Number(end) * 1000 <= nowMs) return undefined
  const record = await store.tokens.get(id)
  if (record === null) return undefined
  const sealed = Buffer.from(body, 'base64url')
  const opening = createDecipheriv(cipher, keyOf(record.hash), sealed.subarray(0, ivBytes), { authTagLength: tagBytes })
  opening.setAAD(Buffer.from(head)).setAuthTag(sealed.subarray(-tagBytes))
  try {
    return Buffer.concat([opening.update(sealed.subarray(ivBytes, -tagBytes)), opening.final()]).toString('utf8')
  } catch {
    return undefined
  }
}

function keyOf(hash: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', hash, '', 'baton queue board pass', 32))
}
