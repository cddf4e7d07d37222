export type { BlobStore, FoldOffer, OfferQueue } from './ports.ts'
