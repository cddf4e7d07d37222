import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import type { ImportedDataset, ImportProgress } from '@baton/dataset'
import { allPages } from '@baton/contracts'
import type { Command } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import { pushDataset } from '../client/push-dataset.ts'
import { UsageError } from '../exit.ts'
import type { Io } from '../io.ts'
import { printJson, printList } from '../output/print.ts'
import { createProgress } from '../output/progress.ts'
import type { Progress } from '../output/progress.ts'
import { count, formatBytes } from '../output/text.ts'
import { example, jsonOption, numberArgument, projectOption, repeated, slugArgument } from './options.ts'
import type { CommonOptions } from './options.ts'

interface CreateOptions extends CommonOptions {
  readonly images?: string
  readonly labels?: string
  readonly testImages?: string
  readonly vocabulary?: string
  readonly licence?: readonly string[]
  readonly emoji?: boolean
  readonly limit?: number
  readonly size?: number
  readonly seed?: number
}

export function datasetCommand(program: Command, io: Io): void {
  const dataset = program.command('dataset').description('Datasets: pictures and labels, in versions.')
  dataset
    .command('create')
    .summary('import and upload a dataset version')
    .description(
      'Imports pictures and labels, uploads what storage does not hold yet, and registers the next version.\n' +
        'Importing the same again changes nothing; an upload that was interrupted goes on.',
    )
    .argument('<name>', 'name of the dataset', slugArgument)
    .option('--images <folder>', 'folder with the pictures')
    .option('--labels <file>', 'CSV, JSON or JSON lines with a row for each sample')
    .option('--test-images <folder>', 'folder whose pictures are all test samples and need no row')
    .option('--vocabulary <file>', 'label groups and their labels (default those that the rows use)')
    .option('--licence <line>', 'where the pictures come from; may be given several times', repeated)
    .option('--emoji', 'draw the emoji demo set instead of importing files')
    .option('--limit <pictures>', 'emoji: pictures at most', numberArgument({ min: 1, isWhole: true }))
    .option('--size <pixels>', 'emoji: side of a picture', numberArgument({ min: 8, max: 512, isWhole: true }))
    .option(
      '--seed <seed>',
      'emoji: which pictures and which are test samples',
      numberArgument({ min: 0, isWhole: true }),
    )
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example(
        'baton dataset create imet --images train/ --labels train.csv',
        'baton dataset create emoji --emoji --limit 700',
      ),
    )
    .action((name: string, options: CreateOptions) => create(io, name, options))
  dataset
    .command('list')
    .description('Lists dataset versions, newest first.')
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText('after', example('baton dataset list --json'))
    .action((options: CommonOptions) => list(io, options))
}

async function create(io: Io, name: string, options: CreateOptions): Promise<void> {
  const source = sourceOf(options)
  const connection = await connect(io)
  const project = await chooseProject(connection, options.project)
  // Beside what else this machine keeps, not in /tmp, which may be small or memory.
  const out = path.join(connection.config.data.dir, 'tmp', `dataset-${randomUUID()}`)
  const progress = createProgress(io)
  try {
    const imported = await source(out, (step) => showStep(progress, step))
    const created = await pushDataset(connection.api, {
      project,
      name,
      dataset: imported,
      progress,
      signal: io.stopSignal(),
    })
    progress.end()
    if (imported.unusedImages > 0) io.err(`${count(imported.unusedImages, 'picture')} without a row: left out`)
    if (options.json) return printJson(io, created)
    const samples = `${count(created.samplesTrain, 'train sample')}, ${count(created.samplesTest, 'test sample')}`
    io.out(`${created.dataset}@${created.version}: ${samples}, ${formatBytes(created.sizeBytes)}`)
  } finally {
    await rm(out, { recursive: true, force: true })
  }
}

type Source = (out: string, onProgress: (step: ImportProgress) => void) => Promise<ImportedDataset>

function sourceOf({
  images,
  labels,
  testImages,
  vocabulary,
  licence,
  emoji,
  limit,
  size,
  seed,
}: CreateOptions): Source {
  const files = { images, labels, testImages, vocabulary, licences: licence }
  const drawing = { limit, size, seed }
  if (emoji) {
    refuse(files, '--emoji draws its own pictures; it cannot be used with')
    return async (out, onProgress) => {
      const { buildEmojiDataset } = await import('@baton/dataset')
      return buildEmojiDataset({ ...given(drawing), out, onProgress })
    }
  }
  refuse(drawing, 'these go with --emoji only:')
  if (images === undefined || labels === undefined) throw new UsageError('give --images and --labels, or --emoji')
  return async (out, onProgress) => {
    const { importDataset } = await import('@baton/dataset')
    return importDataset({ ...given(files), images, labels, out, onProgress })
  }
}

function refuse(options: Readonly<Record<string, unknown>>, words: string): void {
  const names = Object.keys(given(options))
  if (names.length > 0) throw new UsageError(`${words} ${names.join(', ')}`)
}

/** The options that were given. */
function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never
}

function showStep(progress: Progress, { phase, done, total }: ImportProgress): void {
  progress.update(phase, done, total, `${done} of ${total} pictures`)
}

async function list(io: Io, options: CommonOptions): Promise<void> {
  const connection = await connect(io)
  const project = await chooseProject(connection, options.project)
  const versions = await allPages(connection.api.listDatasetVersions, { params: { project } })
  printList(io, versions, {
    json: options.json,
    empty: `${project} has no dataset yet; make one with \`baton dataset create <name>\``,
    columns: [
      { title: 'dataset', value: ({ dataset, version }) => `${dataset}@${version}` },
      { title: 'train', value: ({ samplesTrain }) => samplesTrain, align: 'right' },
      { title: 'test', value: ({ samplesTest }) => samplesTest, align: 'right' },
      { title: 'size', value: ({ sizeBytes }) => formatBytes(sizeBytes), align: 'right' },
      {
        title: 'labels',
        value: ({ labelGroups }) => labelGroups.map(({ name, labels }) => `${name} ${labels}`).join(', '),
      },
      { title: 'created', value: ({ createdAt }) => createdAt },
    ],
  })
}
