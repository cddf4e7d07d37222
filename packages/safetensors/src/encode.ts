import { countOf, dtypeOf, dtypes, rankOf, SafetensorsError } from './tensor.ts'
import type { Tensor, Tensors } from './tensor.ts'

/** Tensors start at a multiple of this, so that readers may view them in place. */
const alignment = 8

function bytesOf({ data }: Tensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

/** By dtype, wide first, then by the bytes of the name. */
function inFileOrder(tensors: Tensors): [string, Tensor][] {
  return [...tensors].sort(
    ([nameA, a], [nameB, b]) =>
      rankOf(dtypeOf(a)) - rankOf(dtypeOf(b)) || Buffer.compare(Buffer.from(nameA), Buffer.from(nameB)),
  )
}

function headerOf(entries: readonly [string, Tensor][], metadata: ReadonlyMap<string, string>): Uint8Array {
  const fields: string[] = []
  const sorted = [...metadata].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  const pairs = sorted.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
  if (metadata.size > 0) fields.push(`"__metadata__":{${pairs.join(',')}}`)
  let offset = 0
  for (const [name, tensor] of entries) {
    const dtype = dtypeOf(tensor)
    if (name === '__metadata__') throw new SafetensorsError('no tensor may be named "__metadata__"')
    if (countOf(tensor.shape) !== tensor.data.length)
      throw new SafetensorsError(
        `tensor "${name}" of shape [${tensor.shape.join(', ')}] holds ${tensor.data.length} elements`,
      )
    const end = offset + tensor.data.length * dtypes[dtype].bytes
    fields.push(
      `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape: tensor.shape, data_offsets: [offset, end] })}`,
    )
    offset = end
  }
  const json = Buffer.from(`{${fields.join(',')}}`)
  const padded = Math.ceil(json.length / alignment) * alignment
  const header = Buffer.alloc(8 + padded, ' ')
  header.writeBigUInt64LE(BigInt(padded))
  json.copy(header, 8)
  return header
}

/**
 * A safetensors file as consecutive parts: the header, then the tensors' own memory, not copied.
 * For hashing and writing large states without holding them twice.
 *
 * @throws {SafetensorsError} when a shape does not fit its data, or a name is reserved.
 */
export function encodeParts(tensors: Tensors, metadata: ReadonlyMap<string, string> = new Map()): Uint8Array[] {
  const entries = inFileOrder(tensors)
  return [headerOf(entries, metadata), ...entries.map(([, tensor]) => bytesOf(tensor))]
}

/**
 * A safetensors file. Equal tensors and metadata give equal bytes whatever the map's order: tensors stand by dtype
 * (I64, F32, I32, U8), then by name, as the reference implementation lays them out.
 *
 * Written in the machine's byte order, which must be little-endian as the format asks.
 *
 * @throws {SafetensorsError} when a shape does not fit its data, or a name is reserved.
 * @see https://github.com/huggingface/safetensors#format
 */
export function encode(tensors: Tensors, metadata: ReadonlyMap<string, string> = new Map()): Uint8Array {
  return Buffer.concat(encodeParts(tensors, metadata))
}
