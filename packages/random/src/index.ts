export { beta } from './beta.ts'
export { bulkWords } from './bulk.ts'
export { fillNormal, integer, normal, permutation, streamKey, uniform } from './stream.ts'
export type { Key } from './stream.ts'
