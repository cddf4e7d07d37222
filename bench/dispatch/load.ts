import { Agent, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

export interface Answer {
  readonly status: number
  readonly body: unknown
  /** From sending to the last byte. */
  readonly ms: number
}

export interface Call {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly token: string
  readonly body?: unknown
}

/** Sends requests over connections that stay open, as workers' do, with as little work of its own as there can be. */
export function createLoad(url: string): { send: (call: Call) => Promise<Answer>; close: () => void } {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 })
  const { hostname, port } = new URL(url)
  const send = ({ method, path, token, body }: Call) =>
    new Promise<Answer>((resolve, reject) => {
      const payload = body === undefined ? '' : JSON.stringify(body)
      const headers = {
        authorization: `Bearer ${token}`,
        ...(payload === '' ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
      }
      const startedMs = performance.now()
      const call = request({ agent, hostname, port, method, path, headers }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => (text += part))
        response.on('end', () => {
          const ms = performance.now() - startedMs
          resolve({ status: response.statusCode!, body: text === '' ? null : JSON.parse(text), ms })
        })
        response.on('error', reject)
      })
      call.on('error', reject)
      call.end(payload)
    })
  return { send, close: () => agent.destroy() }
}

/** The answer, which must be of this status: a benchmark of refusals measures nothing. */
export async function expectStatus(answer: Promise<Answer>, status: number): Promise<Answer> {
  const got = await answer
  if (got.status !== status) throw new Error(`answered ${got.status}: ${JSON.stringify(got.body)}`)
  return got
}

/**
 * Sends at a fixed rate, whether or not answers come, as independent sessions do. Latency counts from the moment that a
 * request was due, so a server that stalls is not excused by requests that were held back meanwhile.
 *
 * @returns Answers a second, and each one's latency in milliseconds.
 */
export async function atRate(
  perSecond: number,
  seconds: number,
  send: (index: number) => Promise<unknown>,
): Promise<{ perSecond: number; latencies: number[] }> {
  const latencies: number[] = []
  const pending: Promise<void>[] = []
  const startedMs = performance.now()
  for (let index = 0; index < perSecond * seconds; index++) {
    const dueMs = startedMs + (index * 1000) / perSecond
    const aheadMs = dueMs - performance.now()
    if (aheadMs > 1) await delay(aheadMs)
    pending.push(send(index).then(() => void latencies.push(performance.now() - dueMs)))
  }
  await Promise.all(pending)
  return { perSecond: (latencies.length * 1000) / (performance.now() - startedMs), latencies }
}
