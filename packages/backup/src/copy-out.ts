import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { Transform, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Client } from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import type { Table } from './tables.ts'

/** A table's rows as they were written. */
export interface CopiedTable {
  readonly rows: number
  readonly sizeBytes: number
  /** SHA-256, hex. */
  readonly digest: string
}

/**
 * Copies a table's rows out and measures them.
 * @param file Where to; left out, they are only measured.
 * @param onText Is shown the rows, whole lines at a time.
 */
export async function copyOut(
  client: Client,
  table: Table,
  { file, onText }: { file?: string; onText?: (lines: string) => void } = {},
): Promise<CopiedTable> {
  const hash = createHash('sha256')
  let [rows, sizeBytes, rest] = [0, 0, '']
  const measure = new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk)
      sizeBytes += chunk.length
      // COPY escapes line breaks within values: each one ends a row.
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) rows++
      if (onText) {
        const text = rest + chunk.toString('latin1')
        const end = text.lastIndexOf('\n') + 1
        onText(text.slice(0, end))
        rest = text.slice(end)
      }
      done(null, chunk)
    },
  })
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const sink = file === undefined ? nowhere : createWriteStream(file, { flags: 'w', mode: 0o600 })
  await pipeline(client.query(copyTo(`COPY (${table.select}) TO STDOUT`)), measure, sink)
  return { rows, sizeBytes, digest: hash.digest('hex') }
}
