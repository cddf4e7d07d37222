import { readlinkSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { MessagePort, Worker } from 'node:worker_threads'

interface Call<Request> {
  readonly id: number
  readonly request: Request
}
type Answer<Result> = { readonly id: number } & ({ readonly result: Result } | { readonly error: unknown })

/** A thread that answers requests. */
export interface CalledThread<Request, Result> {
  /**
   * What the thread answers. Requests are taken up in their order.
   *
   * @param handedOver Memory that moves to the thread.
   * @throws what the thread's work throws, and an Error once the thread has ended
   */
  readonly call: (request: Request, handedOver?: readonly ArrayBuffer[]) => Promise<Result>
  /** Settles when the thread is gone. */
  readonly ended: Promise<void>
}

/** @param what The thread does, for the error that says that it has ended. */
export function callThread<Request, Result>(thread: Worker, what: string): CalledThread<Request, Result> {
  const waiting = new Map<number, { resolve: (result: Result) => void; reject: (error: unknown) => void }>()
  let calls = 0
  let end: Error | undefined

  const finish = (error: Error) => {
    end ??= error
    for (const { reject } of waiting.values()) reject(end)
    waiting.clear()
  }
  thread.on('message', (answer: Answer<Result>) => {
    const { resolve, reject } = waiting.get(answer.id)!
    waiting.delete(answer.id)
    if ('result' in answer) resolve(answer.result)
    else reject(answer.error)
  })
  thread.on('error', finish)
  const ended = new Promise<void>((resolve) => {
    thread.on('exit', () => {
      finish(new Error(`the thread that ${what} has ended`))
      resolve()
    })
  })
  return {
    ended,
    call(request, handedOver = []) {
      if (end) return Promise.reject(end)
      const id = calls++
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject })
        thread.postMessage({ id, request } satisfies Call<Request>, handedOver)
      })
    },
  }
}

/**
 * The other side, in the thread, which steps back for those that train.
 *
 * @param handedOver Memory of a result that moves to the caller.
 */
export function answerCalls<Request, Result>(
  port: MessagePort,
  perform: (request: Request) => Promise<Result>,
  handedOver: (result: Result) => readonly ArrayBuffer[] = () => [],
): void {
  stepBack()
  port.on('message', ({ id, request }: Call<Request>) => {
    const answer = (reply: Answer<Result>) => port.postMessage(reply, 'result' in reply ? handedOver(reply.result) : [])
    void perform(request).then(
      (result) => answer({ id, result }),
      (error: unknown) => answer({ id, error }),
    )
  })
}

/**
 * Has this thread run when the others leave a core free: a training step waits for the slowest of its threads, and one
 * that is held up holds up all. Linux alone knows a priority of one thread.
 */
function stepBack(): void {
  try {
    const thread = path.basename(readlinkSync('/proc/thread-self'))
    os.setPriority(Number(thread), os.constants.priority.PRIORITY_BELOW_NORMAL)
  } catch {
    // Then its work is as urgent as a step.
  }
}
