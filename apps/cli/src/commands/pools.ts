import { allPages } from '@baton/contracts'
import type { Command } from 'commander'
import { connect } from '../client/connect.ts'
import type { Io } from '../io.ts'
import { printList } from '../output/print.ts'
import { example, jsonOption } from './options.ts'

export function poolsCommand(program: Command, io: Io): void {
  program
    .command('pools')
    .summary('show what waits where, and who serves it')
    .description(
      'Lists pools: folds that are ready, wait after a failure, are leased or paused, and sessions that serve them.',
    )
    .addOption(jsonOption())
    .addHelpText('after', example('baton pools'))
    .action(async (options: { json?: boolean }) => {
      const { api } = await connect(io)
      printList(io, await allPages(api.listPools, {}), {
        json: options.json,
        empty: 'no fold waits and no session is there',
        columns: [
          { title: 'pool', value: ({ name }) => name },
          { title: 'ready', value: ({ foldsReady }) => foldsReady, align: 'right' },
          { title: 'delayed', value: ({ foldsDelayed }) => foldsDelayed, align: 'right' },
          { title: 'leased', value: ({ foldsLeased }) => foldsLeased, align: 'right' },
          { title: 'paused', value: ({ foldsPaused }) => foldsPaused, align: 'right' },
          { title: 'sessions', value: ({ sessions }) => sessions, align: 'right' },
          { title: 'oldest ready since', value: ({ oldestReadySince }) => oldestReadySince },
        ],
      })
    })
}
