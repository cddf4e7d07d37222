import type { Command } from 'commander'
import { connect } from '../client/connect.ts'
import type { Io } from '../io.ts'
import { printList } from '../output/print.ts'
import { firstRows } from './board-options.ts'
import { example, jsonOption, numberArgument, slugArgument } from './options.ts'

interface AuditOptions {
  readonly project?: string
  readonly token?: string
  readonly since?: string
  readonly until?: string
  readonly limit: number
  readonly json?: boolean
}

export function auditCommand(program: Command, io: Io): void {
  program
    .command('audit')
    .summary('show who changed what')
    .description('Shows what people changed, or were refused to, newest first.')
    .option('-p, --project <project>', 'only what was about this project', slugArgument)
    .option('--token <id>', 'only what was done with this token')
    .option('--since <moment>', 'only from then on, e.g. 2026-11-01T00:00:00Z')
    .option('--until <moment>', 'only before then')
    .option('-n, --limit <rows>', 'rows at most', numberArgument({ min: 1, max: 100_000, isWhole: true }), 50)
    .addOption(jsonOption())
    .addHelpText('after', example('baton audit', 'baton audit --project imet --since 2026-11-01T00:00:00Z --json'))
    .action(async ({ limit, json, ...filter }: AuditOptions) => {
      const { api } = await connect(io)
      const rows = await firstRows(limit, (page) => api.listAudit({ query: { ...filter, ...page } }))
      printList(io, rows, {
        json,
        empty: 'nobody changed anything that this would show',
        columns: [
          { title: 'at', value: ({ at }) => at },
          { title: 'token', value: ({ token }) => token },
          { title: 'role', value: ({ role }) => role },
          { title: 'route', value: ({ route }) => route },
          { title: 'outcome', value: ({ outcome }) => outcome },
          { title: 'target', value: ({ target }) => target },
        ],
      })
    })
}
