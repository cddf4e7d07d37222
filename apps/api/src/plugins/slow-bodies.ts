import { AppError } from '@baton/contracts'
import type { FastifyInstance } from 'fastify'
import { problemOf } from './problem.ts'

/**
 * Ends requests whose body does not arrive in time: whoever sends a byte now and then holds no connection for ever.
 * Objects of gigabytes go to storage, past this.
 */
export function endSlowBodies(server: FastifyInstance, limitMs: number): void {
  server.addHook('onRequest', (request, reply, done) => {
    const { raw } = request
    const timer = setTimeout(() => {
      if (raw.complete || reply.raw.headersSent) return
      const problem = problemOf(new AppError('request-too-slow'), request.id)
      reply.hijack()
      reply.raw
        .writeHead(problem.status, { 'content-type': 'application/problem+json; charset=utf-8', connection: 'close' })
        .end(JSON.stringify(problem), () => raw.destroy())
    }, limitMs)
    for (const over of ['end', 'close']) raw.once(over, () => clearTimeout(timer))
    done()
  })
}
