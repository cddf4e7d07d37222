import path from 'node:path'
import type { Command } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import { downloadFiles } from '../client/download-files.ts'
import type { Io } from '../io.ts'
import { printJson, printList } from '../output/print.ts'
import { count, formatBytes, shortDigest } from '../output/text.ts'
import { example, jsonOption, projectOption, versionArgument } from './options.ts'
import type { CommonOptions } from './options.ts'

export function artifactsCommand(program: Command, io: Io): void {
  program
    .command('artifacts')
    .summary('list or download what an experiment left')
    .description(
      'Lists what an experiment has left so far: weights and predictions of its folds, its ensemble, files of its\n' +
        'submissions. With --download all of it is fetched and checked; files that are there already are not.',
    )
    .argument('<version>', 'number of the experiment', versionArgument)
    .option('--download <folder>', 'fetch all of it into this folder')
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText('after', example('baton artifacts 41', 'baton artifacts 41 --download imet-41/'))
    .action(async (version: number, options: CommonOptions & { download?: string }) => {
      const connection = await connect(io)
      const project = await chooseProject(connection, options.project)
      const params = { project, version }
      const { items } = await connection.api.listExperimentArtifacts({ params })
      const folder = options.download
      if (folder !== undefined) {
        const addressOf = async (digest: string) =>
          (await connection.api.downloadExperimentArtifact({ params: { ...params, digest } })).url
        const files = items.map(({ name, digest, sizeBytes }) => ({
          blob: { digest, sizeBytes },
          path: path.join(folder, name),
          address: () => addressOf(digest),
        }))
        await downloadFiles(io, files)
        if (options.json) printJson(io, items)
        else io.out(`${count(items.length, 'file')} in ${folder}`)
        return
      }
      printList(io, items, {
        json: options.json,
        empty: `${project} #${version} has left nothing yet: no fold has completed`,
        columns: [
          { title: 'name', value: ({ name }) => name },
          { title: 'kind', value: ({ kind }) => kind },
          { title: 'fold', value: ({ fold }) => fold, align: 'right' },
          { title: 'size', value: ({ sizeBytes }) => formatBytes(sizeBytes), align: 'right' },
          { title: 'digest', value: ({ digest }) => shortDigest(digest) },
        ],
      })
    })
}
