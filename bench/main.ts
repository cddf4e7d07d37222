/**
 * `npm run bench -- NAME`: measures, prints a table or JSON, and exits with 1 where a goal's median is missed.
 * What a benchmark compares Baton with runs in the same invocation, on the same machine in the same minutes.
 */
import { Command, InvalidArgumentError } from 'commander'
import { catalog } from './catalog.ts'
import { resultOf } from './figure.ts'
import { machine, tableOf } from './report.ts'

interface Options {
  readonly json?: boolean
  readonly repetitions?: number
}

const names = Object.keys(catalog)

async function measure(name: string, { json, repetitions }: Options): Promise<void> {
  const benchmark = await catalog[name]!()
  const run = { repetitions: repetitions ?? benchmark.repetitions, say: (line: string) => console.error(line) }
  const results = (await benchmark.run(run)).map(resultOf)
  const about = { benchmark: name, machine: machine(), date: new Date().toISOString(), repetitions: run.repetitions }
  if (json) console.log(JSON.stringify({ ...about, figures: results }, null, 2))
  else console.log(`${about.machine}, ${about.repetitions} repetitions\n\n${tableOf(results)}`)
  if (results.some(({ isMet }) => isMet === false)) process.exitCode = 1
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
  .action(measure)
  .parseAsync()
