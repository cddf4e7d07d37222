import { allPages } from '@baton/contracts'
import type { Command } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import type { Io } from '../io.ts'
import { matrixLines } from '../output/matrix-lines.ts'
import { printJson, printList } from '../output/print.ts'
import { formatScore } from '../output/text.ts'
import { example, jsonOption, projectOption, versionArgument } from './options.ts'
import type { CommonOptions } from './options.ts'

export function matricesCommand(program: Command, io: Io): void {
  program
    .command('matrices')
    .summary('list matrices')
    .description("Lists a project's matrices, newest first: how far their experiments are, and the best CV among them.")
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText('after', example('baton matrices', 'baton matrices --json'))
    .action(async (options: CommonOptions) => {
      const connection = await connect(io)
      const params = { project: await chooseProject(connection, options.project) }
      printList(io, await allPages(connection.api.listMatrices, { params }), {
        json: options.json,
        empty: 'there is no matrix yet; start one by `matrix` in a spec',
        columns: [
          { title: 'versions', value: ({ version, lastVersion }) => `#${version} to #${lastVersion}` },
          { title: 'name', value: ({ name }) => name },
          { title: 'experiments', value: ({ experiments }) => experiments, align: 'right' },
          { title: 'completed', value: ({ completed }) => completed, align: 'right' },
          { title: 'open', value: ({ open }) => open, align: 'right' },
          { title: 'best CV', value: ({ cvBest }) => formatScore(cvBest), align: 'right' },
          { title: 'of', value: ({ best }) => (best === null ? null : `#${best}`) },
          { title: 'created', value: ({ createdAt }) => createdAt },
        ],
      })
    })
}

export function matrixCommand(program: Command, io: Io): void {
  program
    .command('matrix')
    .summary('compare the experiments of a matrix')
    .description(
      'Shows the experiments of a matrix: what each has otherwise, its CV, and how far its folds are from the\n' +
        'baseline’s, with an interval and a p value that is corrected for how many are compared.',
    )
    .argument('<version>', 'the matrix, by the number of any of its experiments', versionArgument)
    .option('--baseline <version>', 'compare with this one instead of the first', versionArgument)
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText('after', example('baton matrix 41', 'baton matrix 41 --baseline 44'))
    .action(async (version: number, options: CommonOptions & { baseline?: number }) => {
      const connection = await connect(io)
      const params = { project: await chooseProject(connection, options.project), version }
      const { baseline } = options
      const query = baseline === undefined ? {} : { baseline }
      const matrix = await connection.api.getMatrix({ params, query })
      if (options.json) printJson(io, matrix)
      else for (const line of matrixLines(matrix)) io.out(line)
    })
}
