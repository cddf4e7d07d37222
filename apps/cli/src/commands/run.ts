import { randomUUID } from 'node:crypto'
import type { Command } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import { finishWatching } from '../client/finish-watching.ts'
import { pushBundle } from '../client/push-bundle.ts'
import { retrying } from '../client/retry.ts'
import type { Io } from '../io.ts'
import { printJson } from '../output/print.ts'
import { count } from '../output/text.ts'
import { withSpec } from '../spec/prepare-spec.ts'
import { example, jsonOption, projectOption, setOption } from './options.ts'
import type { CommonOptions } from './options.ts'

interface RunOptions extends CommonOptions {
  readonly watch?: boolean
  readonly set?: readonly string[]
  readonly idempotencyKey?: string
}

export function runCommand(program: Command, io: Io): void {
  program
    .command('run')
    .summary('start an experiment')
    .description(
      'Starts an experiment from a spec in YAML or JSON. `code: ./folder` in it is packed and pushed; the folder is\n' +
        'looked for beside the spec. Nothing is sent before the spec is valid.',
    )
    .argument('<spec>', 'file with the spec')
    .addOption(setOption())
    .option('--watch', 'show events and progress until it ends; exits 3 if it fails')
    .option('--idempotency-key <key>', 'starting again with the same key and spec starts nothing new')
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example('baton run spec.yaml --watch', 'baton run spec.yaml --set seed=1 --set folds.count=3'),
    )
    .action((file: string, options: RunOptions) => run(io, file, options))
}

async function run(io: Io, fileName: string, options: RunOptions): Promise<void> {
  await withSpec(fileName, options.set, async ({ spec, bundle }) => {
    const connection = await connect(io)
    const { api } = connection
    const project = await chooseProject(connection, options.project)
    if (bundle) await pushBundle(api, project, bundle)
    const idempotencyKey = options.idempotencyKey ?? randomUUID()
    const created = await retrying(
      () => api.createExperiment({ params: { project }, body: spec }, { idempotencyKey }),
      { onRetry: (problem) => io.err(`${problem.message}; trying again`) },
    )
    const { version, folds } = created
    if (!options.json) io.out(`${project} #${version} queued with ${count(folds.length, 'fold')}`)
    if (options.watch) await finishWatching(io, api, { project, version }, options)
    else if (options.json) printJson(io, created)
    else io.err(`\`baton show ${version} --watch\` shows how it goes`)
  })
}
