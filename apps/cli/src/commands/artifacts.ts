import path from 'node:path'
import { ArtifactKind } from '@baton/contracts'
import { Option } from 'commander'
import type { Command } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import { downloadFiles } from '../client/download-files.ts'
import { pushArtifact } from '../client/push-artifact.ts'
import { Exit, exitCodes } from '../exit.ts'
import type { Io } from '../io.ts'
import { printJson, printList } from '../output/print.ts'
import { createProgress } from '../output/progress.ts'
import { count, formatBytes, shortDigest } from '../output/text.ts'
import { example, jsonOption, projectOption, versionArgument } from './options.ts'
import type { CommonOptions } from './options.ts'

export function artifactsCommand(program: Command, io: Io): void {
  const artifacts = program
    .command('artifacts')
    .summary('list or download what an experiment left, or keep files of your own')
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
  artifacts
    .command('push')
    .summary('keep a file in the project')
    .description(
      'Uploads a file and keeps it in the project by a name: weights that a spec starts with, say. The model.json of a\n' +
        'TensorFlow.js layers model is kept with the files beside it, as one safetensors file.',
    )
    .argument('<file>', 'the file')
    .option('--name <name>', "what it is kept as (default the file's own name)")
    .addOption(new Option('--kind <kind>', 'what it is').choices(ArtifactKind.options).default('weights'))
    .option('--note <text>', 'what to remember of it', '')
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example('baton artifacts push seresnext50.safetensors', 'baton artifacts push a.csv --kind other'),
    )
    // `--json` and `--project` are options of `artifacts`, too, which takes them first.
    .action((file: string, _: PushOptions, command: Command) => push(io, file, command.optsWithGlobals<PushOptions>()))
}

interface PushOptions extends CommonOptions {
  readonly name?: string
  readonly kind: ArtifactKind
  readonly note: string
}

async function push(io: Io, file: string, options: PushOptions): Promise<void> {
  const { kind, note } = options
  const name = options.name ?? path.basename(file)
  const connection = await connect(io)
  const project = await chooseProject(connection, options.project)
  const progress = createProgress(io)
  const signal = io.stopSignal()
  try {
    const kept = await pushArtifact(connection.api, { project, name, file, kind, note, progress, signal })
    progress.end()
    if (options.json) return printJson(io, kept)
    io.err(`kept ${formatBytes(kept.sizeBytes)}; start with it by \`model.weights: { artifact: ${kept.name} }\``)
    io.out(kept.digest)
  } catch (error) {
    throw signal.aborted ? new Exit(exitCodes.interrupted) : error
  } finally {
    progress.end()
  }
}
