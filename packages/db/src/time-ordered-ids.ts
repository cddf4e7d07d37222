import { randomBytes } from 'node:crypto'

/** Of the 74 bits that a version 7 leaves, the first twelve count: the ids of a batch are in its order. */
const most = 4096

/**
 * UUIDs that sort by when they were made (RFC 9562, version 7), as Prisma makes those of its rows: rows of one moment
 * lie together in an index, and a batch's keep its order.
 */
export function timeOrderedIds(count: number): string[] {
  if (count > most) throw new RangeError(`at most ${most} ids at once`)
  const time = Date.now().toString(16).padStart(12, '0')
  return Array.from({ length: count }, (_, index) => {
    const random = randomBytes(8)
    random[0] = (random[0]! & 0x3f) | 0x80
    const rest = random.toString('hex')
    const counter = index.toString(16).padStart(3, '0')
    return `${time.slice(0, 8)}-${time.slice(8)}-7${counter}-${rest.slice(0, 4)}-${rest.slice(4)}`
  })
}
