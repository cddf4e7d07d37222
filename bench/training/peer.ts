import { spawn } from 'node:child_process'
import { once } from 'node:events'
import readline from 'node:readline'

/** What a peer says once it is warm. */
export interface Ready {
  /** Trainable numbers of its model. */
  readonly parameters: number
  /** Of the first steps from the common weights on the common batches. */
  readonly losses: readonly number[]
  readonly versions: string
}

export interface Order {
  /**
   * `steps`: train for so many seconds from memory. `epoch`: from files, once through; `aliased-epoch`: the same by a
   * quicker resize that leaves pixels out.
   */
  readonly do: 'steps' | 'epoch' | 'aliased-epoch'
  readonly seconds: number
}

/** What an order took. */
export interface Took {
  readonly images: number
  readonly seconds: number
  /** Of these, how long steps waited for their batches, where the peer knows. */
  readonly waitSeconds?: number
}

/** A warm process that trains when it is told to, and does nothing otherwise. */
export interface Peer {
  readonly ready: Ready
  order(order: Order): Promise<Took>
  /** Ends it. */
  stop(): Promise<void>
}

export interface PeerProgram {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** Starts a peer, and waits until it is warm. @throws {Error} with the end of what it complained about */
export async function startPeer(name: string, { command, args, env }: PeerProgram): Promise<Peer> {
  const child = spawn(command, [...args], { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint = (complaint + text).slice(-4000)))
  const ended = once(child, 'exit')
  // Libraries may print lines of their own.
  const lines: AsyncIterator<string, undefined> = readline
    .createInterface({ input: child.stdout })
    [Symbol.asyncIterator]()
  const answer = async <T>(): Promise<T> => {
    for (;;) {
      const line = await lines.next()
      if (line.done) throw new Error(`${name} ended: ${complaint.trim()}`)
      if (line.value.startsWith('{')) return JSON.parse(line.value) as T
    }
  }
  const stop = async () => {
    if (child.exitCode === null) child.kill('SIGKILL')
    await ended
  }
  // It may be gone already: that shows in its answer.
  child.stdin.on('error', () => undefined)
  try {
    const ready = await answer<Ready>()
    return {
      ready,
      order(order) {
        child.stdin.write(`${JSON.stringify(order)}\n`)
        return answer<Took>()
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
