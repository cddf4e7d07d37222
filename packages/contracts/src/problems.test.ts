import { expect, test } from 'vitest'
import { openApiDocument } from './openapi.ts'
import { AppError, isAppError, problemCodes, problems } from './problems.ts'
import { routes } from './routes/index.ts'
import type { RouteSpec } from './routes/route.ts'

// `npx vitest -u` writes the generated documents anew.

const where = {
  rest: 'An answer of REST.',
  fold: "A fold's failure.",
  machine: 'Said where the CLI or a service runs.',
}

test('docs/problems.md is the problem table', async () => {
  const sections = problemCodes.map((code) => {
    const { met, status, retryable, title, remedy } = problems[code]
    return `## ${code}\n\n${title}. ${where[met]} Status ${status}, ${retryable ? 'may be sent again' : 'sending it again changes nothing'}.\n\n${remedy}\n`
  })
  const intro =
    'Made from `packages/contracts/src/problems.ts`. Every answer that is not a success is `application/problem+json` (RFC 9457) with one of these codes, and its `type` is where the API serves the same: `GET /v1/problems/<code>`. The CLI prints the same words.'
  await expect(['# Problems', intro, ...sections].join('\n\n').replaceAll('\n\n\n', '\n\n')).toMatchFileSnapshot(
    '../../../docs/problems.md',
  )
})

test('docs/openapi.json is made from the route table', async () => {
  const document = openApiDocument({ version: '1', url: '/' })
  await expect(`${JSON.stringify(document, null, 2)}\n`).toMatchFileSnapshot('../../../docs/openapi.json')
})

test("docs/access.md is the route table's roles and scopes", async () => {
  const rows = (Object.entries(routes) as [string, RouteSpec][]).map(([name, { method, path, roles, scope }]) => [
    `\`${method} ${path}\``,
    name,
    roles.length === 0 ? 'anybody' : roles.join(', '),
    scope,
  ])
  const table = [['Route', 'Name', 'Roles', 'Scope'], ...rows]
  const widths = table[0]!.map((_, i) => Math.max(...table.map((row) => row[i]!.length)))
  const line = (cells: string[], fill = ' ') =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!, fill)).join(' | ')} |`
  const [head, ...body] = table.map((row) => line(row))
  const intro =
    'Made from `packages/contracts/src/routes/`. [Security](security.md) says what the roles and scopes mean; `test/integration/access.test.ts` calls every route as each of them.'
  const lines = ['# Who may call what', '', intro, '', head, line(['-', '-', '-', '-'], '-'), ...body]
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('../../../docs/access.md')
})

test('an error is recognised by its code, whichever copy of the package made it', () => {
  const foreign = Object.assign(new Error('x'), { name: 'AppError', code: 'lease-lost', facts: {}, faults: [] })
  expect(isAppError(foreign, 'lease-lost')).toBe(true)
  expect(isAppError(new AppError('lease-lost'), 'conflict')).toBe(false)
  expect(isAppError(new Error('lease-lost'))).toBe(false)
})
