export { decode } from './decode.ts'
export { encode, encodeParts } from './encode.ts'
export { SafetensorsError } from './tensor.ts'
export type { Tensor, Tensors } from './tensor.ts'
