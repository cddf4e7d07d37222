/** How long a database may take to answer; a health check that waits longer says no. */
const answerLimitMs = 3_000

/**
 * What a database answers. An answer that is there by the limit counts, though a handler that computed kept the process
 * from reading it.
 * @throws {Error} if none is
 */
export async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    const giveUp = () => reject(new Error(`no answer in ${answerLimitMs} ms`))
    // What came in is read between timers and immediates.
    timer = setTimeout(() => setImmediate(giveUp), answerLimitMs)
  })
  return Promise.race([work, limit]).finally(() => clearTimeout(timer))
}
