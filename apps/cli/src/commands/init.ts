import { writeFile } from 'node:fs/promises'
import { DatasetRef, ExperimentSpec } from '@baton/contracts'
import { Option } from 'commander'
import type { Command } from 'commander'
import { z } from 'zod'
import { UsageError } from '../exit.ts'
import type { Io } from '../io.ts'
import { printJson } from '../output/print.ts'
import { defaultAnswers, specTemplate } from '../spec/spec-template.ts'
import type { SpecAnswers } from '../spec/spec-template.ts'
import { example, jsonOption, numberArgument } from './options.ts'

type Key = keyof SpecAnswers

interface Question {
  readonly key: Key
  readonly words: string
  /** The answer in a text. @throws when it is none; the message says what would be */
  readonly read: (text: string) => SpecAnswers[Key]
}

/** In the order they are asked, and the options that answer them beforehand. */
const questions: readonly Question[] = [
  { key: 'name', words: 'name of the experiment', read: parser(ExperimentSpec.shape.name) },
  { key: 'dataset', words: 'dataset', read: parser(DatasetRef) },
  { key: 'folds', words: 'folds', read: numberArgument({ min: 2, max: 50, isWhole: true }) },
  { key: 'size', words: 'side of the pictures in pixels', read: numberArgument({ min: 8, max: 1024, isWhole: true }) },
  { key: 'model', words: 'model, convnet or resnet', read: parser(z.enum(['convnet', 'resnet'])) },
  { key: 'epochs', words: 'epochs', read: numberArgument({ min: 1, max: 10_000, isWhole: true }) },
  { key: 'batch', words: 'pictures in a batch', read: numberArgument({ min: 1, max: 4096, isWhole: true }) },
  { key: 'lr', words: 'highest learning rate', read: numberArgument({ min: 1e-9, max: 10 }) },
]

interface InitOptions extends Partial<Record<Key, string>> {
  readonly yes?: boolean
  readonly force?: boolean
  readonly json?: boolean
}

export function initCommand(program: Command, io: Io): void {
  const command = program
    .command('init')
    .summary('write a first spec')
    .description('Asks what an experiment is to be and writes a spec that explains itself.')
    .argument('[file]', 'where to write it', 'spec.yaml')
    .option('-y, --yes', 'ask nothing: take the defaults for what no option says')
    .option('--force', 'write over a file that is there')
    .addOption(jsonOption())
    .addHelpText('after', example('baton init', 'baton init big.yaml --yes --dataset imet --folds 10 --size 320'))
  for (const { key, words } of questions)
    command.addOption(new Option(`--${key} <${key}>`, `${words} (default ${defaultAnswers[key]})`))
  command.action(async (file: string, options: InitOptions) => {
    const answers = await ask(io, options)
    await write(file, specTemplate(answers), options.force ?? false)
    if (options.json) return printJson(io, { file, ...answers })
    io.out(`wrote ${file}`)
    io.err(`\`baton spec explain ${file}\` says what it will do, \`baton run ${file}\` starts it`)
  })
}

/** What options say, then what the person at the terminal says, then the defaults. */
async function ask(io: Io, options: InitOptions): Promise<SpecAnswers> {
  const answers: Partial<Record<Key, SpecAnswers[Key]>> = {}
  for (const question of questions) {
    const given = options[question.key]
    answers[question.key] = given === undefined ? await askOne(io, question, options) : fromOption(question, given)
  }
  return answers as SpecAnswers
}

function fromOption({ key, read }: Question, given: string): SpecAnswers[Key] {
  try {
    return read(given)
  } catch (error) {
    throw new UsageError(`--${key} ${given}: ${(error as Error).message}`)
  }
}

async function askOne(io: Io, { key, words, read }: Question, { yes }: InitOptions): Promise<SpecAnswers[Key]> {
  const otherwise = defaultAnswers[key]
  if (yes || io.ask === null) return otherwise
  for (;;) {
    const text = (await io.ask(`${words} [${otherwise}]: `)).trim()
    if (text === '') return otherwise
    try {
      return read(text)
    } catch (error) {
      io.err(`  ${(error as Error).message}`)
    }
  }
}

function parser<T>(schema: z.ZodType<T>): (text: string) => T {
  return (text) => {
    const result = schema.safeParse(text)
    if (result.success) return result.data
    throw new Error(result.error.issues[0]!.message)
  }
}

async function write(file: string, content: string, force: boolean): Promise<void> {
  try {
    await writeFile(file, content, { flag: force ? 'w' : 'wx' })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new UsageError(code === 'EEXIST' ? `${file} is there already; --force writes over it` : message)
  }
}
