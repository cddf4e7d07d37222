import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { packBundle } from '@baton/bundle'
import type { PackedBundle } from '@baton/bundle'
import { AppError, Digest, parseSpec } from '@baton/contracts'
import type { ExperimentSpec } from '@baton/contracts'
import type { Command } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import { finishWatching } from '../client/finish-watching.ts'
import { pushBundle } from '../client/push-bundle.ts'
import { retrying } from '../client/retry.ts'
import { UsageError } from '../exit.ts'
import type { Io } from '../io.ts'
import { printJson } from '../output/print.ts'
import { count } from '../output/text.ts'
import { readSpecFile, withPlaces } from '../spec/spec-file.ts'
import { example, jsonOption, projectOption, repeated } from './options.ts'
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
    .option('--set <key=value>', 'change the spec, e.g. stages.0.epochs=3; may be given several times', repeated)
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
  const file = readSpecFile(await readText(fileName), fileName, options.set)
  try {
    const { spec, bundle } = await prepare(file.value, path.dirname(fileName))
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
  } catch (error) {
    throw withPlaces(error, file)
  }
}

async function readText(fileName: string): Promise<string> {
  try {
    return await readFile(fileName, 'utf8')
  } catch (error) {
    throw new UsageError(`${fileName} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown reason'}`)
  }
}

/** The valid spec, with the packed bundle where its `code` names a folder. */
async function prepare(
  value: unknown,
  besides: string,
): Promise<{ spec: ExperimentSpec; bundle: PackedBundle | null }> {
  const code = (value as { code?: unknown } | null)?.code
  if (typeof code !== 'string' || Digest.safeParse(code).success) return { spec: parseSpec(value), bundle: null }
  const bundle = await packBundle(path.resolve(besides, code)).catch((error: unknown) => {
    if ((error as AppError).faults?.[0]?.pointer !== path.resolve(besides, code)) throw error
    const detail = `names no folder beside the spec and no digest: "${code}"`
    throw new AppError('spec-invalid', {}, { faults: [{ pointer: '/code', detail }], cause: error })
  })
  return { spec: parseSpec({ ...(value as object), code: bundle.digest }), bundle }
}
