import { Prisma } from '../generated/client.ts'

/** A value for a JSON column. Null is written as SQL NULL, not as a JSON null. */
export function jsonOf(value: object | null): Prisma.InputJsonValue | typeof Prisma.DbNull {
  return value ?? Prisma.DbNull
}
