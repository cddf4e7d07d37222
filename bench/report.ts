import os from 'node:os'
import type { Goal, Result } from './figure.ts'

/** What the numbers were measured on: they mean little on another machine. */
export function machine(): string {
  const [cpu] = os.cpus()
  const memory = Math.round(os.totalmem() / 2 ** 30)
  const model = cpu?.model.trim() ?? 'unknown processor'
  return `${os.availableParallelism()} × ${model}, ${memory} GiB, ${os.type()} ${os.machine()}, Node ${process.versions.node}`
}

/** The results as a table: minimum, median, maximum, goal, and whether the median reaches it. */
export function tableOf(results: readonly Result[]): string {
  const head = ['figure', 'min', 'median', 'max', 'unit', 'goal', '']
  const rows = results.map((result) => [
    result.name,
    ...[result.min, result.median, result.max].map(shown),
    result.unit,
    goalOf(result.goal),
    result.isMet === null ? '' : result.isMet ? 'met' : 'MISSED',
  ])
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)))
  const isNumber = (i: number) => i >= 1 && i <= 3
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (isNumber(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd()
  return [head, ...rows].map(line).join('\n')
}

function goalOf(goal: Goal | undefined): string {
  if (goal === undefined) return ''
  return 'atMost' in goal ? `≤ ${shown(goal.atMost)}` : `≥ ${shown(goal.atLeast)}`
}

/** Three significant digits, whole numbers from 100 on. */
function shown(value: number): string {
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)))
}
