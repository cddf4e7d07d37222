/**
 * `npm run bench -- NAME`: measures, prints a table or JSON, and exits with 1 where a goal's median is missed; with
 * `--record` it keeps what it measured for `docs/benchmarks.md`.
 * What a benchmark compares Baton with runs in the same invocation, on the same machine in the same minutes.
 */
import { writeFile } from 'node:fs/promises'
import { describeTensorflow } from '@baton/tensorflow'
import { Command, InvalidArgumentError } from 'commander'
import { benchmarksPage } from './benchmarks-page.ts'
import { catalog } from './catalog.ts'
import { resultOf } from './figure.ts'
import { describeMachine, machine } from './machine.ts'
import { currentCommit, readRecordings, writeRecording } from './recording.ts'
import type { Recording } from './recording.ts'
import { tableOf } from './report.ts'
import { repositoryFile } from './repository.ts'

interface Options {
  readonly json?: boolean
  readonly record?: boolean
  readonly repetitions?: number
}

const names = Object.keys(catalog)

async function measure(name: string, options: Options): Promise<void> {
  const benchmark = await catalog[name]!()
  const repetitions = options.repetitions ?? benchmark.repetitions
  const [before, date, startMs] = [describeMachine(), new Date().toISOString(), performance.now()]
  const notes: string[] = []
  const say = (line: string) => console.error(line)
  const figures = await benchmark.run({ repetitions, say, note: (line) => notes.push(line) })
  const recording: Recording = {
    benchmark: name,
    summary: benchmark.summary,
    machine: before,
    tensorflow: await tensorflowInUse(),
    date,
    seconds: Math.round((performance.now() - startMs) / 1000),
    commit: await currentCommit(),
    repetitions,
    notes,
    figures,
  }
  const results = figures.map(resultOf)
  if (options.json) console.log(JSON.stringify({ ...recording, figures: results }, null, 2))
  else console.log([`${machine()}, ${repetitions} repetitions`, ...notes, '', tableOf(results)].join('\n'))
  if (options.record) await keep(recording)
  if (results.some(({ isMet }) => isMet === false)) process.exitCode = 1
}

/** Of what other benchmarks measured, all stays as it is. */
async function keep(recording: Recording): Promise<void> {
  const folder = repositoryFile('bench/recorded')
  await writeRecording(folder, recording)
  await writeFile(repositoryFile('docs/benchmarks.md'), benchmarksPage(names, await readRecordings(folder)))
  console.error('written: docs/benchmarks.md')
}

async function tensorflowInUse(): Promise<string> {
  const { ready } = await describeTensorflow()
  return ready ? `TensorFlow ${ready.version} (${ready.source}) on ${ready.device}` : 'no TensorFlow'
}

await new Command('bench')
  .description(`Measures Baton. Benchmarks: ${names.join(', ')}.`)
  .argument('<name>', 'which benchmark', (name) => {
    if (names.includes(name)) return name
    throw new InvalidArgumentError(`There are: ${names.join(', ')}.`)
  })
  .option('--repetitions <n>', 'how often each figure is measured', (text) => {
    const count = Number(text)
    if (Number.isInteger(count) && count >= 1) return count
    throw new InvalidArgumentError('It must be a whole number from 1.')
  })
  .option('--json', 'print JSON')
  .option('--record', 'keep what is measured, and write docs/benchmarks.md')
  .action(measure)
  .parseAsync()
