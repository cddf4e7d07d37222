import { allPages } from '@baton/contracts'
import type { Command } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import { foldsOf } from '../client/folds-of.ts'
import type { Io } from '../io.ts'
import { printList } from '../output/print.ts'
import { formatBytes, shortDigest } from '../output/text.ts'
import { example, jsonOption, numberArgument, projectOption, versionArgument } from './options.ts'
import type { CommonOptions } from './options.ts'

export function checkpointsCommand(program: Command, io: Io): void {
  program
    .command('checkpoints')
    .summary("list a fold's checkpoints")
    .description("Lists a fold's checkpoints that are kept, newest first; the next session goes on from the newest.")
    .argument('<version>', 'number of the experiment', versionArgument)
    .argument('<fold>', 'fold, 0-based', numberArgument({ min: 0, isWhole: true }))
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText('after', example('baton checkpoints 41 2'))
    .action(async (version: number, index: number, options: CommonOptions) => {
      const connection = await connect(io)
      const project = await chooseProject(connection, options.project)
      const [fold] = await foldsOf(connection.api, { project, version }, index)
      const items = await allPages(connection.api.listCheckpoints, { params: { fold: fold!.id } })
      printList(io, items, {
        json: options.json,
        empty: `fold ${index} has no checkpoint; those of a finished fold are kept for a day`,
        columns: [
          { title: 'step', value: ({ step }) => step, align: 'right' },
          { title: 'resumed', value: ({ isNewest }) => (isNewest ? 'next' : '') },
          { title: 'attempt', value: ({ attempt }) => attempt, align: 'right' },
          { title: 'epoch', value: ({ manifest }) => manifest.position.epoch, align: 'right' },
          { title: 'size', value: ({ sizeBytes }) => formatBytes(sizeBytes), align: 'right' },
          { title: 'device', value: ({ manifest }) => manifest.environment.device },
          { title: 'tensorflow', value: ({ manifest }) => manifest.environment.tensorflow },
          { title: 'digest', value: ({ digest }) => shortDigest(digest) },
          { title: 'committed', value: ({ committedAt }) => committedAt },
        ],
      })
    })
}
