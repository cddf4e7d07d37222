import type { Command } from 'commander'
import { connect } from '../client/connect.ts'
import type { Io } from '../io.ts'
import { printJson } from '../output/print.ts'
import { example, jsonOption, numberArgument, slugArgument } from './options.ts'

interface EnrolOptions {
  readonly validSeconds: number
  readonly project?: string
  readonly address?: string
  readonly json?: boolean
}

export function enrolCommand(program: Command, io: Io): void {
  program
    .command('enrol')
    .summary('issue a one-use token that starts a worker')
    .description('Issues a token that registers one worker session, once, and prints how to start that worker.')
    .option(
      '--valid-seconds <seconds>',
      'how long the token can be used, from a minute to a week',
      numberArgument({ min: 60, max: 7 * 86_400, isWhole: true }),
      3600,
    )
    .option('-p, --project <project>', 'the worker trains folds of this project only', slugArgument)
    .option('--address <url>', 'address under which the worker reaches the API (default BATON_PUBLIC_URL, BATON_URL)')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example('baton enrol', 'baton enrol --project imet --address https://baton.example.org --json'),
    )
    .action(async ({ validSeconds, project, ...options }: EnrolOptions) => {
      const { api, config } = await connect(io)
      const issued = await api.createEnrolment({
        body: { validSeconds, ...(project === undefined ? {} : { project }) },
      })
      const address = options.address ?? config.client.publicUrl
      const command = `BATON_URL=${address} BATON_ENROLMENT_TOKEN=${issued.token} baton worker`
      if (options.json) return printJson(io, { ...issued, url: address, command })
      io.err(`This starts one worker, once, until ${issued.expiresAt}:`)
      io.out(command)
      if (isLoopback(address)) io.err(`${address} can be reached from this machine only; elsewhere give --address`)
    })
}

function isLoopback(address: string): boolean {
  return /^https?:\/\/(localhost|127\.|\[::1\])/.test(address)
}
