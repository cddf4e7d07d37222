import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { ExperimentSpec } from '@baton/contracts'
import type { Command } from 'commander'
import { readPictures } from '../client/read-pictures.ts'
import { UsageError } from '../exit.ts'
import type { Io } from '../io.ts'
import { printJson } from '../output/print.ts'
import { count } from '../output/text.ts'
import { withSpec } from '../spec/prepare-spec.ts'
import { example, jsonOption, numberArgument, projectOption, setOption } from './options.ts'

interface PreviewOptions {
  readonly images?: string
  readonly emoji?: boolean
  readonly dataset?: boolean
  readonly project?: string
  readonly json?: boolean
  readonly stage?: string
  readonly samples: number
  readonly epochs: number
  readonly mix?: boolean
  readonly out: string
  readonly set?: readonly string[]
}

export function augmentCommand(program: Command, io: Io): void {
  const augment = program.command('augment').description('Augmentation, before anything is trained.')
  augment
    .command('preview')
    .summary('draw pictures beside what training makes of them')
    .description(
      'Draws a contact sheet as PNG: in each row a picture as it is stored, and then as it would be trained on in the\n' +
        'first epochs of a stage. The pictures are from all over the folder. Needs no Baton running but with --dataset.',
    )
    .argument('<spec>', 'file with the spec')
    .option('--images <folder>', 'folder with pictures, those that the dataset is made of say')
    .option('--emoji', 'draw pictures of the emoji demo set instead')
    .option('--dataset', 'draw train pictures of the dataset that the spec names, which Baton has, instead')
    .option('--stage <name>', 'whose augmentation (default the first stage)')
    .option('--samples <n>', 'pictures, a row each', numberArgument({ min: 1, max: 64, isWhole: true }), 6)
    .option('--epochs <n>', 'epochs, a column each', numberArgument({ min: 1, max: 32, isWhole: true }), 5)
    .option('--mix', 'mix the pictures of a column as the stage mixes those of a batch')
    .option('--out <file>', 'the PNG to write', 'augment.png')
    .addOption(setOption())
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example(
        'baton augment preview spec.yaml --images train/',
        'baton augment preview spec.yaml --dataset --samples 12',
        'baton augment preview spec.yaml --emoji --set augment=imet-320 --stage all --out sheet.png',
      ),
    )
    .action((file: string, options: PreviewOptions) =>
      withSpec(file, options.set, ({ spec }) => preview(io, spec, options)),
    )
}

async function preview(io: Io, spec: ExperimentSpec, options: PreviewOptions): Promise<void> {
  const stage = stageOf(spec, options)
  const images = await imagesOf(io, spec, options)
  // Only this command needs it, and it is most of what `baton` would load.
  const { drawAugmentSheet } = await import('@baton/trainer')
  const { out, epochs, mix = false } = options
  await writeFile(out, await drawAugmentSheet({ spec, stage, images, epochs, mix }))
  const { name } = spec.stages[stage]!
  if (options.json) printJson(io, { file: out, stage: name, epochs, mix, pictures: images.map((image) => image.name) })
  else io.out(`${out}: ${count(images.length, 'picture')}, and each in ${count(epochs, 'epoch')} of stage ${name}`)
}

function stageOf({ stages }: ExperimentSpec, { stage, mix }: PreviewOptions): number {
  const names = stages.map(({ name }) => name)
  const index = stage === undefined ? 0 : names.indexOf(stage)
  if (index < 0) throw new UsageError(`the spec has no stage ${stage}; its stages are ${names.join(', ')}`)
  if (mix && stages[index]!.mix === null) throw new UsageError(`stage ${names[index]} does not mix; leave --mix out`)
  return index
}

async function imagesOf(io: Io, { dataset }: ExperimentSpec, options: PreviewOptions): Promise<NamedImage[]> {
  const { images, emoji = false, dataset: stored = false, project, samples } = options
  if ([images !== undefined, emoji, stored].filter(Boolean).length !== 1)
    throw new UsageError('give --images, --dataset or --emoji')
  if (stored) return readPictures(io, { dataset, project }, (train) => evenly(train, samples))
  return images === undefined ? drawEmoji(samples) : readImages(images, samples)
}

interface NamedImage {
  readonly name: string
  readonly bytes: Uint8Array
}

/** Pictures of the folder, from all over it in the order of their names. */
async function readImages(folder: string, most: number): Promise<NamedImage[]> {
  const { findImages } = await import('@baton/dataset')
  const { files, faults } = await findImages(folder)
  if (faults[0]) throw new UsageError(`${faults[0].pointer}: ${faults[0].detail}`)
  if (files.length === 0) throw new UsageError(`there is no picture in ${folder}`)
  const sorted = files.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const chosen = evenly(sorted, most)
  return Promise.all(chosen.map(async ({ name, path: file }) => ({ name, bytes: await readFile(file) })))
}

/** So many of a list, from all over it. */
function evenly<T>(list: readonly T[], most: number): T[] {
  const length = Math.min(most, list.length)
  return Array.from({ length }, (_, i) => list[Math.floor((i * list.length) / length)]!)
}

/** Enough that no picture has no label. */
const emojiDrawn = 300

/** Pictures of the demo set, from all over it. */
async function drawEmoji(most: number): Promise<NamedImage[]> {
  const { buildEmojiDataset } = await import('@baton/dataset')
  const folder = await mkdtemp(path.join(tmpdir(), 'baton-preview-'))
  try {
    const { manifest, shards } = await buildEmojiDataset({
      out: path.join(folder, 'emoji'),
      limit: emojiDrawn,
      size: 128,
    })
    const bytes = await Promise.all(shards.map((shard) => readFile(shard)))
    return evenly(manifest.samples, most).map(({ id, shard, offset, length }) => ({
      name: id,
      bytes: bytes[shard]!.subarray(offset, offset + length),
    }))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
