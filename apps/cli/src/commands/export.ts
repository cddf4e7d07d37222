import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { AppError, modelOf } from '@baton/contracts'
import type { Blob, Client } from '@baton/contracts'
import type { Command } from 'commander'
import { Option } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import { downloadFiles } from '../client/download-files.ts'
import type { Io } from '../io.ts'
import { printJson } from '../output/print.ts'
import { example, jsonOption, numberArgument, projectOption, versionArgument } from './options.ts'
import type { CommonOptions } from './options.ts'

/** Known without the trainer, which is loaded when it has work. */
const formats = ['safetensors', 'saved-model', 'tfjs'] as const

interface ExportOptions extends CommonOptions {
  readonly fold: number
  readonly format: (typeof formats)[number]
  readonly out?: string
}

export function exportCommand(program: Command, io: Io): void {
  program
    .command('export')
    .summary('write a trained fold for PyTorch, TensorFlow or a browser')
    .description(
      "Writes the weights of a completed fold's best evaluation as a model: safetensors with timm's names, a TensorFlow\n" +
        'SavedModel, or a TensorFlow.js layers model. The last two take RGB images of 0 to 255 to probabilities.',
    )
    .argument('<version>', 'number of the experiment', versionArgument)
    .requiredOption('--fold <fold>', 'fold, 0-based', numberArgument({ min: 0, isWhole: true }))
    .addOption(new Option('--format <format>', 'what to write').choices(formats).default('safetensors'))
    .option('--out <folder>', 'where to (default <project>-<version>-fold-<fold>)')
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText('after', example('baton export 41 --fold 0', 'baton export 41 --fold 0 --format tfjs --out web/model'))
    .action(async (version: number, options: ExportOptions) => {
      const connection = await connect(io)
      const project = await chooseProject(connection, options.project)
      const dir = options.out ?? `${project}-${version}-fold-${options.fold}`
      const files = await exportFold(io, connection.api, { project, version }, options, dir)
      if (options.json) printJson(io, { folder: dir, files })
      else io.out(files.map((file) => path.join(dir, file)).join('\n'))
    })
}

interface ExperimentParams {
  readonly project: string
  readonly version: number
}

async function exportFold(
  io: Io,
  api: Client,
  params: ExperimentParams,
  { fold, format }: ExportOptions,
  dir: string,
): Promise<string[]> {
  const { spec } = await api.getExperiment({ params })
  const blob = await findWeights(api, params, fold)
  const folder = await mkdtemp(path.join(tmpdir(), 'baton-export-'))
  try {
    const file = path.join(folder, 'weights.safetensors')
    const address = async () =>
      (await api.downloadExperimentArtifact({ params: { ...params, digest: blob.digest } })).url
    await downloadFiles(io, [{ blob, path: file, address }])
    const { exportModel, readWeights } = await import('@baton/trainer')
    const model = modelOf(spec, fold)
    return await exportModel({ model, spec, weights: await readWeights(file), format, dir, loadTf: () => loadTf(io) })
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** @throws {AppError} `not-found` while the fold has left no weights */
async function findWeights(api: Client, params: ExperimentParams, wanted: number): Promise<Blob> {
  const { items } = await api.listExperimentArtifacts({ params })
  const found = items.find(({ kind, fold }) => kind === 'weights' && fold === wanted)
  if (found) return { digest: found.digest, sizeBytes: found.sizeBytes }
  const detail = `fold ${wanted} of ${params.project} #${params.version} has left no weights: it has not completed`
  throw new AppError('not-found', { fold: wanted }, { detail })
}

async function loadTf(io: Io) {
  const { loadTensorflow, prepareTensorflow } = await import('@baton/tensorflow')
  await prepareTensorflow({ log: (line) => io.err(line) })
  return (await loadTensorflow({ threads: availableParallelism() })).tf
}
