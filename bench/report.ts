import type { Goal, Result } from './figure.ts'

const head = ['figure', 'min', 'median', 'max', 'unit', 'goal', '']

/** The results as a table for a terminal: minimum, median, maximum, goal, and whether the median reaches it. */
export function tableOf(results: readonly Result[]): string {
  const rows = results.map(cellsOf)
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)))
  const isNumber = (i: number) => i >= 1 && i <= 3
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (isNumber(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd()
  return [head, ...rows].map(line).join('\n')
}

/** The same as a table of Markdown. */
export function markdownOf(results: readonly Result[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rule = head.map((_, i) => (i >= 1 && i <= 3 ? '---:' : '---'))
  return [line(head), line(rule), ...results.map((result) => line(cellsOf(result)))].join('\n')
}

function cellsOf(result: Result): string[] {
  const numbers = [result.min, result.median, result.max].map((value) => (value === null ? '–' : shown(value)))
  return [result.name, ...numbers, result.unit, goalOf(result.goal), verdictOf(result)]
}

function verdictOf({ isMet, lacking }: Result): string {
  if (lacking !== undefined) return `not measured: ${lacking}`
  return isMet === null ? '' : isMet ? 'met' : 'MISSED'
}

function goalOf(goal: Goal | undefined): string {
  if (goal === undefined) return ''
  return 'atMost' in goal ? `≤ ${shown(goal.atMost)}` : `≥ ${shown(goal.atLeast)}`
}

/** Three significant digits, whole numbers from 100 on. */
function shown(value: number): string {
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)))
}
