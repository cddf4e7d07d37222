import type { Prisma } from './generated/client.ts'

/** Either the client or one of its transactions: the tables work on both. */
export type Connection = Prisma.TransactionClient
