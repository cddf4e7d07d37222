import { problemCodes, problems } from '@baton/contracts'
import type { ProblemCode } from '@baton/contracts'
import type { Handlers } from '../context.ts'
import { problemType } from '../plugins/problem.ts'
import { version } from '../version.ts'

export const serviceHandlers: Handlers<'getHealth' | 'listProblems' | 'getProblem'> = {
  getHealth: async ({ store }) => {
    await store.ping()
    return { status: 'ok', version }
  },
  listProblems: async () => ({ items: problemCodes.map(explained) }),
  getProblem: async (_, { params }) => explained(params.code),
}

function explained(code: ProblemCode) {
  return { code, type: problemType(code), ...problems[code] }
}
