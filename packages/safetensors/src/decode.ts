import { halves, isHalf } from './halves.ts'
import type { Half } from './halves.ts'
import { countOf, dtypes, isDtype, SafetensorsError } from './tensor.ts'
import type { Dtype, Tensor } from './tensor.ts'

/** The reference implementation's limit: a header names tensors, it holds none. */
const headerBytesMax = 100_000_000

interface Entry {
  name: string
  dtype: Dtype | Half
  shape: number[]
  begin: number
  end: number
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function headerLengthOf(bytes: Uint8Array): number {
  if (bytes.length < 8) throw new SafetensorsError(`a file of ${bytes.length} bytes has no header`)
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)
  if (length > headerBytesMax || 8 + Number(length) > bytes.length)
    throw new SafetensorsError(`the header's length, ${length}, does not fit a file of ${bytes.length} bytes`)
  return Number(length)
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch (cause) {
    throw new SafetensorsError('the header is not JSON', { cause })
  }
  if (!isObject(header)) throw new SafetensorsError('the header is not a JSON object')
  return header
}

function parseMetadata(value: unknown): Map<string, string> {
  if (value === undefined) return new Map()
  if (!isObject(value)) throw new SafetensorsError('the metadata is not a JSON object')
  const entries = Object.entries(value)
  for (const [name, text] of entries)
    if (typeof text !== 'string') throw new SafetensorsError(`the metadata "${name}" is not text`)
  return new Map(entries as [string, string][])
}

function parseEntry(name: string, value: unknown): Entry {
  if (!isObject(value)) throw new SafetensorsError(`tensor "${name}" is not described by an object`)
  const { dtype, shape, data_offsets: offsets } = value
  if (!isDtype(dtype) && !isHalf(dtype))
    throw new SafetensorsError(`tensor "${name}" has dtype ${JSON.stringify(dtype)}, which is not read here`)
  if (!Array.isArray(shape) || !shape.every(isSize)) throw new SafetensorsError(`tensor "${name}" has no valid shape`)
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize))
    throw new SafetensorsError(`tensor "${name}" has no valid offsets`)
  const [begin, end] = offsets as [number, number]
  if (countOf(shape) * widthOf(dtype) !== end - begin)
    throw new SafetensorsError(`tensor "${name}" of shape [${shape.join(', ')}] does not fill bytes ${begin} to ${end}`)
  return { name, dtype, shape, begin, end }
}

/** Bytes of an element. */
function widthOf(dtype: Dtype | Half): number {
  return isHalf(dtype) ? 2 : dtypes[dtype].bytes
}

/** Refuses gaps and overlaps: every byte belongs to exactly one tensor. */
function checkCover(entries: readonly Entry[], dataBytes: number): void {
  let covered = 0
  for (const { name, begin, end } of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== covered)
      throw new SafetensorsError(`tensor "${name}" starts at byte ${begin}; the one before ends at ${covered}`)
    covered = end
  }
  if (covered !== dataBytes)
    throw new SafetensorsError(`the tensors take ${covered} bytes, but ${dataBytes} follow the header`)
}

function tensorOf(bytes: Uint8Array, dataStart: number, { dtype, shape, begin, end }: Entry): Tensor {
  const width = widthOf(dtype)
  const own = alignedTo(width, bytes.subarray(dataStart + begin, dataStart + end))
  const place = [own.buffer as ArrayBuffer, own.byteOffset, own.length / width] as const
  if (isHalf(dtype)) return { shape, data: halves[dtype](new Uint16Array(...place)) }
  return { shape, data: new dtypes[dtype].array(...place) }
}

/** The bytes in place where they stand at a multiple of `width`, a copy elsewhere. */
function alignedTo(width: number, bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % width === 0 ? bytes : Uint8Array.from(bytes)
}

/**
 * The tensors and metadata of a safetensors file, which is trusted in nothing: header length, names, dtypes, shapes and
 * offsets are checked before memory is touched, and every byte after the header belongs to exactly one tensor.
 *
 * Tensors are views of `bytes` where they stand aligned, copies elsewhere; treat them as read-only. float16 and bfloat16
 * are read as float32, which holds them exactly.
 *
 * @throws {SafetensorsError} naming the tensor and what is wrong with it.
 */
export function decode(bytes: Uint8Array): { tensors: Map<string, Tensor>; metadata: Map<string, string> } {
  const headerLength = headerLengthOf(bytes)
  const { __metadata__: metadata, ...infos } = parseHeader(bytes.subarray(8, 8 + headerLength))
  const entries = Object.entries(infos).map(([name, info]) => parseEntry(name, info))
  const dataStart = 8 + headerLength
  checkCover(entries, bytes.length - dataStart)
  return {
    tensors: new Map(entries.map((entry) => [entry.name, tensorOf(bytes, dataStart, entry)])),
    metadata: parseMetadata(metadata),
  }
}
