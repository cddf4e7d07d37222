import { allPages } from '@baton/contracts'
import type { Client, Token } from '@baton/contracts'
import type { Command } from 'commander'
import { Option } from 'commander'
import { connect } from '../client/connect.ts'
import { UsageError } from '../exit.ts'
import type { Io } from '../io.ts'
import { printJson, printList } from '../output/print.ts'
import type { Column } from '../output/table.ts'
import { printable } from '../output/text.ts'
import { example, jsonOption, numberArgument, slugArgument } from './options.ts'

const weekSeconds = 7 * 86_400

export function tokenCommand(program: Command, io: Io): void {
  const token = program
    .command('token')
    .summary('issue, list, rotate and revoke tokens')
    .description('Tokens of people and their programs: what opens the API, for one project or for all.')
  createCommand(token, io)
  listCommand(token, io)
  showCommand(token, io)
  rotateCommand(token, io)
  revokeCommand(token, io)
}

interface CreateOptions {
  readonly role: 'owner' | 'submitter' | 'viewer'
  readonly project?: string
  readonly validSeconds?: number
  readonly json?: boolean
}

function createCommand(token: Command, io: Io): void {
  token
    .command('create')
    .description(
      'Issues a token and prints its secret, once. A viewer reads, a submitter also starts and steers experiments,\n' +
        'an owner also has tokens and sessions.',
    )
    .argument('<name>', 'what people know it by, e.g. who or what uses it')
    .addOption(
      new Option('--role <role>', 'what it may do').choices(['owner', 'submitter', 'viewer']).makeOptionMandatory(),
    )
    .option(
      '-p, --project <project>',
      'the one project it is for (default all that your own token is for)',
      slugArgument,
    )
    .option(
      '--valid-seconds <seconds>',
      'how long it can be used (default as long as your own token)',
      numberArgument({ min: 60, isWhole: true }),
    )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example(
        'baton token create dashboard --role viewer --project imet',
        'export BATON_TOKEN=$(baton token create ci --role submitter --valid-seconds 86400)',
      ),
    )
    .action(async (name: string, { role, project, validSeconds, json }: CreateOptions) => {
      const { api } = await connect(io)
      const issued = await api.createToken({
        body: { name, role, ...(project === undefined ? {} : { project }), validSeconds: validSeconds ?? null },
      })
      if (json) return printJson(io, issued)
      io.err(
        `${issued.role} of ${reachOf(issued)} until ${issued.expiresAt ?? 'it is revoked'}; it is not shown again:`,
      )
      io.out(issued.token)
    })
}

function listCommand(token: Command, io: Io): void {
  token
    .command('list')
    .description('Lists tokens, newest first.')
    .option('--ended', 'also those that expired, were revoked or used up')
    .addOption(jsonOption())
    .addHelpText('after', example('baton token list', 'baton token list --ended --json'))
    .action(async ({ ended, json }: { ended?: boolean; json?: boolean }) => {
      const { api } = await connect(io)
      printList(io, await tokens(api, ended ?? false), {
        json,
        empty: 'there is no token; make one with `baton token create <name> --role <role>`',
        columns: [
          { title: 'name', value: ({ name }) => name },
          { title: 'role', value: ({ role }) => role },
          { title: 'project', value: reachOf },
          { title: 'last used', value: ({ lastUsedAt }) => lastUsedAt },
          { title: 'expires', value: ({ expiresAt }) => expiresAt },
          ...(ended ? [{ title: 'revoked', value: ({ revokedAt }) => revokedAt } satisfies Column<Token>] : []),
          { title: 'id', value: ({ id }) => id },
        ],
      })
    })
}

function showCommand(token: Command, io: Io): void {
  token
    .command('show')
    .description('Shows a token, without its secret.')
    .argument('<token>', 'its id, or its name')
    .addOption(jsonOption())
    .addHelpText('after', example('baton token show ci', 'baton token show ci --json'))
    .action(async (named: string, { json }: { json?: boolean }) => {
      const { api } = await connect(io)
      const found = await api.getToken({ params: { token: await idOf(api, named) } })
      if (json) return printJson(io, found)
      for (const [title, value] of Object.entries(found)) io.out(`${title.padEnd(10)}  ${printable(value ?? '-')}`)
    })
}

function rotateCommand(token: Command, io: Io): void {
  token
    .command('rotate')
    .description('Gives a token a new secret and prints it, once. Name, role, project and end stay.')
    .argument('<token>', 'its id, or its name')
    .option(
      '--overlap-seconds <seconds>',
      'how long the old secret stays good, up to a week',
      numberArgument({ min: 0, max: weekSeconds, isWhole: true }),
      0,
    )
    .addOption(jsonOption())
    .addHelpText('after', example('baton token rotate ci', 'baton token rotate ci --overlap-seconds 600 --json'))
    .action(async (named: string, { overlapSeconds, json }: { overlapSeconds: number; json?: boolean }) => {
      const { api } = await connect(io)
      const rotated = await api.rotateToken({ params: { token: await idOf(api, named) }, body: { overlapSeconds } })
      if (json) return printJson(io, rotated)
      const old = overlapSeconds === 0 ? 'the old secret is dead' : `the old secret dies at ${rotated.oldValidUntil}`
      io.err(`${old}; the new one is not shown again:`)
      io.out(rotated.token)
    })
}

function revokeCommand(token: Command, io: Io): void {
  token
    .command('revoke')
    .description('Revokes a token: from now on no request with it is accepted.')
    .argument('<token>', 'its id, or its name')
    .addOption(jsonOption())
    .addHelpText('after', example('baton token revoke ci'))
    .action(async (named: string, { json }: { json?: boolean }) => {
      const { api } = await connect(io)
      const id = await idOf(api, named)
      await api.revokeToken({ params: { token: id } })
      if (json) printJson(io, await api.getToken({ params: { token: id } }))
      else io.out(`revoked ${printable(named)}`)
    })
}

const tokens = (api: Client, ended: boolean): Promise<Token[]> =>
  allPages(api.listTokens, { query: { ended: ended ? 'true' : 'false' } })

/**
 * The id of a token that a person named.
 * @throws {UsageError} when no living token, or more than one, has that name
 */
async function idOf(api: Client, named: string): Promise<string> {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(named)) return named
  const matches = (await tokens(api, false)).filter(({ name }) => name === named)
  const [only, ...others] = matches
  if (!only) throw new UsageError(`no token is called "${named}"; \`baton token list\` shows those there are`)
  if (others.length === 0) return only.id
  throw new UsageError(
    `${matches.length} tokens are called "${named}"; name one by its id: ${matches.map(({ id }) => id).join(', ')}`,
  )
}

function reachOf({ project }: { project: string | null }): string {
  return project ?? 'all projects'
}
