import { packBundle } from '@baton/bundle'
import type { Command } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import { pushBundle } from '../client/push-bundle.ts'
import type { Io } from '../io.ts'
import { printJson } from '../output/print.ts'
import { count, formatBytes } from '../output/text.ts'
import { example, jsonOption, projectOption } from './options.ts'
import type { CommonOptions } from './options.ts'

export function codeCommand(program: Command, io: Io): void {
  const code = program.command('code').description('Code bundles: a model, loss or dataset of your own.')
  code
    .command('push')
    .summary('pack a folder and push it')
    .description('Packs a folder into a code bundle and pushes it; equal folders give equal digests.')
    .argument('<folder>', 'folder with the code')
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText('after', example('baton code push ./my-model', 'digest=$(baton code push ./my-model)'))
    .action(async (folder: string, options: CommonOptions) => {
      const connection = await connect(io)
      const project = await chooseProject(connection, options.project)
      const bundle = await pushBundle(connection.api, project, await packBundle(folder))
      if (options.json) return printJson(io, bundle)
      io.err(
        `pushed ${count(bundle.files.length, 'file')}, ${formatBytes(bundle.sizeBytes)}; name it as \`code\` in a spec:`,
      )
      io.out(bundle.digest)
    })
}
