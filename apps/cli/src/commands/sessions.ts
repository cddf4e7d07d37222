import { allPages, AppError, Id, SessionStatus } from '@baton/contracts'
import type { Client, Session } from '@baton/contracts'
import { Option } from 'commander'
import type { Command } from 'commander'
import { connect } from '../client/connect.ts'
import type { Io } from '../io.ts'
import { printJson, printList } from '../output/print.ts'
import { tableLines } from '../output/table.ts'
import type { Column } from '../output/table.ts'
import { formatSeconds } from '../output/text.ts'
import { example, jsonOption } from './options.ts'

interface JsonOption {
  readonly json?: boolean
}

const columns: readonly Column<Session>[] = [
  { title: 'session', value: ({ name }) => name },
  { title: 'status', value: ({ status }) => status },
  { title: 'works on', value: ({ foldId }) => foldId },
  { title: 'provider', value: ({ provider }) => provider },
  { title: 'accelerator', value: ({ accelerator }) => accelerator },
  { title: 'pools', value: ({ pools }) => pools.join(',') },
  { title: 'left', value: ({ secondsLeft }) => secondsLeft && formatSeconds(Math.max(0, secondsLeft)) },
  { title: 'last seen', value: ({ lastSeenAt }) => lastSeenAt },
  { title: 'id', value: ({ id }) => id },
]

export function sessionsCommand(program: Command, io: Io): void {
  const sessions = program.command('sessions').description('Sessions: notebooks and containers that train folds.')
  sessions
    .command('list')
    .description('Lists sessions, newest first.')
    .addOption(new Option('--status <status>', 'only those of a status').choices(SessionStatus.options))
    .addOption(jsonOption())
    .addHelpText('after', example('baton sessions list --status active'))
    .action(async (options: JsonOption & { status?: SessionStatus }) => {
      const { api } = await connect(io)
      const query = options.status === undefined ? {} : { status: options.status }
      printList(io, await allPages(api.listSessions, { query }), {
        json: options.json,
        empty: 'there is no such session; `baton enrol` makes a token that registers one',
        columns,
      })
    })
  sessions
    .command('show')
    .description('Shows a session and the fold that it works on.')
    .argument('<session>', 'its id, or its name while it is there')
    .addOption(jsonOption())
    .addHelpText('after', example('baton sessions show kaggle-7'))
    .action(async (named: string, options: JsonOption) => {
      const { api } = await connect(io)
      print(io, await findSession(api, named), options)
    })
  sessions
    .command('drain')
    .description('Asks a session to checkpoint, hand over and end.')
    .argument('<session>', 'its id, or its name while it is there')
    .addOption(jsonOption())
    .addHelpText('after', example('baton sessions drain kaggle-7'))
    .action(async (named: string, options: JsonOption) => {
      const { api } = await connect(io)
      const { id: session } = await findSession(api, named)
      print(io, await api.drainSession({ params: { session } }), options)
    })
  sessions
    .command('stop')
    .description(
      'Ends a session at once: its token is void, and its fold goes on elsewhere from its last checkpoint. `drain` loses\n' +
        'no step.',
    )
    .argument('<session>', 'its id, or its name while it is there')
    .addOption(jsonOption())
    .addHelpText('after', example('baton sessions stop kaggle-7'))
    .action(async (named: string, options: JsonOption) => {
      const { api } = await connect(io)
      const { id: session } = await findSession(api, named)
      print(io, await api.stopSession({ params: { session } }), options)
    })
}

function print(io: Io, session: Session, { json }: JsonOption): void {
  if (json) printJson(io, session)
  else for (const line of tableLines([session], columns)) io.out(line)
}

/**
 * The session of an id, or the one of a name that has not ended.
 * @throws {AppError} `not-found`; `request-invalid` when several have the name
 */
async function findSession(api: Client, named: string): Promise<Session> {
  if (Id.safeParse(named).success) return api.getSession({ params: { session: named } })
  const all = await allPages(api.listSessions, {})
  const found = all.filter(({ name, status }) => name === named && status !== 'ended')
  if (found.length === 1) return found[0]!
  if (found.length > 1) {
    const ids = found.map(({ id }) => id).join(', ')
    throw new AppError(
      'request-invalid',
      {},
      { detail: `several sessions are named "${named}"; name one by its id: ${ids}` },
    )
  }
  throw new AppError('not-found', {}, { detail: `there is no session "${named}"; \`baton sessions list\` lists all` })
}
