import { readFile } from 'node:fs/promises'
import readline from 'node:readline'
import type { Job } from '../job.ts'
import type { Order, Ready, Took } from '../peer.ts'

export async function readJob(): Promise<Job> {
  return JSON.parse(await readFile(process.argv[2]!, 'utf8')) as Job
}

/** Says that it is warm, then does what each line of standard input asks, and says what that took. */
export async function serve(
  ready: Ready,
  orders: Partial<Record<Order['do'], (order: Order) => Promise<Took>>>,
): Promise<void> {
  const say = (value: Ready | Took) => process.stdout.write(`${JSON.stringify(value)}\n`)
  say(ready)
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const order = JSON.parse(line) as Order
    say(await orders[order.do]!(order))
  }
}

/** Does steps for so long, on one batch after the other. */
export async function repeated(
  { seconds }: Order,
  { net, batches }: Job,
  step: (batch: number) => Promise<unknown> | number,
): Promise<Took> {
  const startMs = performance.now()
  let steps = 0
  while (performance.now() - startMs < seconds * 1000) await step(steps++ % batches)
  return { images: steps * net.batch, seconds: (performance.now() - startMs) / 1000 }
}
