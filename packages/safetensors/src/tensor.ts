/** A dense array in row-major order. The kind of `data` is the dtype; the product of `shape` is its length. */
export interface Tensor {
  readonly shape: readonly number[]
  readonly data: Float32Array | Int32Array | Uint8Array | BigInt64Array
}

export type Tensors = ReadonlyMap<string, Tensor>

export type Dtype = 'I64' | 'F32' | 'I32' | 'U8'

/** Dtypes in the order in which a file holds them: wide ones first, so that every tensor stands aligned. */
export const dtypes = {
  I64: { bytes: 8, array: BigInt64Array },
  F32: { bytes: 4, array: Float32Array },
  I32: { bytes: 4, array: Int32Array },
  U8: { bytes: 1, array: Uint8Array },
} as const satisfies Record<Dtype, unknown>

const order = Object.keys(dtypes) as Dtype[]

export function isDtype(value: unknown): value is Dtype {
  return (order as unknown[]).includes(value)
}

/** Place of a dtype in the file's order. */
export function rankOf(dtype: Dtype): number {
  return order.indexOf(dtype)
}

export function dtypeOf({ data }: Tensor): Dtype {
  const dtype = order.find((name) => data instanceof dtypes[name].array)
  if (dtype === undefined) throw new SafetensorsError('a tensor holds an array of an unknown kind')
  return dtype
}

/** Product of a shape's dimensions; 1 for a scalar's empty shape. NaN when it is not a safe integer. */
export function countOf(shape: readonly number[]): number {
  return shape.reduce((count, size) => (Number.isSafeInteger(count * size) ? count * size : NaN), 1)
}

/** Bytes that are not a well-formed safetensors file, or tensors that cannot be made into one. */
export class SafetensorsError extends Error {
  override readonly name = 'SafetensorsError'
}
