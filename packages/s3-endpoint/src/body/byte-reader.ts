/** Reads lines and counted bytes from a stream of buffers, without joining what it passes on. */
export class ByteReader {
  readonly #source: AsyncIterator<Buffer>
  readonly #incomplete: () => Error
  #buffered: Buffer = Buffer.alloc(0)

  /** @param incomplete Makes the error for a stream that ends too early, too late, or in a line that is too long. */
  constructor(source: AsyncIterable<Buffer>, incomplete: () => Error) {
    this.#source = source[Symbol.asyncIterator]()
    this.#incomplete = incomplete
  }

  /** Text up to the next CRLF, which is taken too. */
  async line(maxBytes: number): Promise<string> {
    for (;;) {
      const end = this.#buffered.indexOf('\r\n')
      if (end > maxBytes || (end < 0 && this.#buffered.length > maxBytes)) throw this.#incomplete()
      if (end >= 0) {
        const line = this.#buffered.toString('latin1', 0, end)
        this.#buffered = this.#buffered.subarray(end + 2)
        return line
      }
      const more = await this.#next()
      this.#buffered = this.#buffered.length === 0 ? more : Buffer.concat([this.#buffered, more])
    }
  }

  /** Exactly that many bytes, piece by piece. */
  async *take(sizeBytes: number): AsyncGenerator<Buffer> {
    for (let left = sizeBytes; left > 0;) {
      if (this.#buffered.length === 0) this.#buffered = await this.#next()
      const piece = this.#buffered.subarray(0, left)
      this.#buffered = this.#buffered.subarray(piece.length)
      left -= piece.length
      yield piece
    }
  }

  /** Checks that nothing follows. */
  async end(): Promise<void> {
    if (this.#buffered.length > 0 || (await this.#source.next()).done !== true) throw this.#incomplete()
  }

  async #next(): Promise<Buffer> {
    const next = await this.#source.next()
    if (next.done === true) throw this.#incomplete()
    return next.value
  }
}
