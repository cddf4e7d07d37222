import type { Command } from 'commander'
import { connect } from '../client/connect.ts'
import type { Io } from '../io.ts'
import { printJson } from '../output/print.ts'
import { example, jsonOption } from './options.ts'

export function telegramCommand(program: Command, io: Io): void {
  const telegram = program.command('telegram').description('Telegram: pings when folds finish, and a few commands.')
  telegram
    .command('pair')
    .description('Issues a one-use code that pairs a chat with this Baton.')
    .addOption(jsonOption())
    .addHelpText('after', example('baton telegram pair'))
    .action(async (options: { json?: boolean }) => {
      const { api } = await connect(io)
      const pairing = await api.createPairing()
      if (options.json) return printJson(io, pairing)
      io.err(`Until ${pairing.expiresAt}, ${pairing.link === null ? 'send this to your bot' : 'open this'}:`)
      io.out(pairing.link ?? `/start ${pairing.code}`)
    })
}
