import { resultOf } from './figure.ts'
import type { Machine } from './machine.ts'
import type { Recording } from './recording.ts'
import { markdownOf } from './report.ts'

/**
 * `docs/benchmarks.md`: all that stands in it was measured.
 *
 * @param names Of all benchmarks, in the order of the page.
 */
export function benchmarksPage(names: readonly string[], recordings: ReadonlyMap<string, Recording>): string {
  const sections = names.map((name) => {
    const recording = recordings.get(name)
    return `## ${name}\n\n${recording ? section(recording) : `Not recorded yet: \`npm run bench -- ${name} --record\`.`}`
  })
  return `# Benchmarks

Written by \`npm run bench -- NAME --record\`, which measures one of them and keeps what it measured, with the machine, in \`bench/recorded\`. Each runs what Baton is compared with in the same minutes, and sets it up by itself. A goal is judged by the median. A ratio is taken within each repetition, as other programs on a machine slow what runs in the same seconds alike.

${sections.join('\n\n')}
`
}

function section(recording: Recording): string {
  const { summary, notes, figures } = recording
  const said = [sentence(summary), ...notes.map(sentence)].join(' ')
  return `${said}\n\n${markdownOf(figures.map(resultOf))}\n\n${circumstances(recording)}`
}

function circumstances({ machine, tensorflow, date, seconds, commit, repetitions, benchmark }: Recording): string {
  const when = `${date.slice(0, 10)} in ${duration(seconds)}, ${repetitions} repetitions`
  const code = commit === null ? '' : ` at commit ${commit}`
  return `\`npm run bench -- ${benchmark}\` on ${when}${code}. ${machineText(machine)}; ${tensorflow}.`
}

function machineText({ processor, cores, instructions, memoryGiB, system, node, load }: Machine): string {
  const extras = instructions.length === 0 ? '' : ` (${instructions.join(', ')})`
  const busy = `load ${load} in the minute before`
  return `${cores} cores of ${processor}${extras}, ${memoryGiB} GiB, ${system}, Node ${node}, ${busy}`
}

function duration(seconds: number): string {
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`
}

function sentence(text: string): string {
  const whole = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(whole) ? whole : `${whole}.`
}
