import type { Command } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import type { Io } from '../io.ts'
import { printList } from '../output/print.ts'
import { formatScore, shortDigest } from '../output/text.ts'
import { example, jsonOption, projectOption } from './options.ts'
import type { CommonOptions } from './options.ts'

export function experimentsCommand(program: Command, io: Io): void {
  program
    .command('experiments')
    .summary('list experiments')
    .description("Lists a project's experiments, newest first.")
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText('after', example('baton experiments', 'baton experiments --project imet --json'))
    .action(async (options: CommonOptions) => {
      const connection = await connect(io)
      const project = await chooseProject(connection, options.project)
      const { items } = await connection.api.listExperiments({ params: { project } })
      printList(io, items, {
        json: options.json,
        empty: `${project} has no experiment yet; start one with \`baton run spec.yaml\``,
        columns: [
          { title: 'version', value: ({ version }) => version, align: 'right' },
          { title: 'status', value: ({ status }) => status },
          { title: 'folds', value: ({ foldsCompleted, foldsTotal }) => `${foldsCompleted} of ${foldsTotal}` },
          { title: 'CV', value: ({ cv }) => formatScore(cv), align: 'right' },
          { title: 'LB', value: ({ lbPublic }) => formatScore(lbPublic), align: 'right' },
          { title: 'dataset', value: ({ dataset }) => dataset },
          { title: 'code', value: ({ code }) => shortDigest(code) },
          { title: 'created', value: ({ createdAt }) => createdAt },
          { title: 'name', value: ({ name }) => name },
        ],
      })
    })
}
