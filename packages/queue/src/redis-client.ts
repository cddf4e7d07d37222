import { Redis } from 'ioredis'
import type { RedisOptions } from 'ioredis'

/**
 * A client of ioredis that ends whenever it is told to, and with it those that BullMQ makes of it, one for each worker
 * to wait on.
 */
export class RedisClient extends Redis {
  readonly #duplicates: RedisClient[] = []
  #isDropped = false

  override duplicate(override: RedisOptions = {}): Redis {
    const duplicate = new RedisClient({ ...this.options, ...override, replyMapping: 'legacy' })
    this.#duplicates.push(duplicate)
    return duplicate
  }

  override connect(): Promise<void> {
    return this.#isDropped ? Promise.reject(new Error('Connection is closed.')) : super.connect()
  }

  /**
   * In the pause before it tries to connect again, ioredis calls that off and no more: it never says that it ended, and
   * BullMQ, closing a worker, waits for that (redis/ioredis#2169, taskforcesh/bullmq#4656). A try that is called off
   * before it began does end it.
   */
  override disconnect(reconnect = false): void {
    if (this.status === 'reconnecting' && !reconnect) this.connect().catch(() => undefined)
    super.disconnect(reconnect)
  }

  /** Ends it for good, at most two seconds later, though nobody answers. */
  drop(): void {
    for (const client of [this, ...this.#duplicates]) {
      if (client.status !== 'end') client.disconnect()
      client.#isDropped = true
    }
  }
}
