import { cellLabel } from '@baton/contracts'
import type { Matrix, MatrixCell } from '@baton/contracts'
import { stopText } from './describe-event.ts'
import { signed } from './comparison-lines.ts'
import { tableLines } from './table.ts'
import { formatScore, printable } from './text.ts'

/** A matrix as a person compares it: one line an experiment. */
export function matrixLines({ project, version, name, baseline, cells, warnings }: Matrix): string[] {
  const level = cells.find(({ difference }) => difference !== null)?.difference?.level
  const stops = cells.filter(({ stopped }) => stopped !== null)
  return [
    `${project} #${version} to #${cells.at(-1)!.version}  ${printable(name)}`,
    ...warnings.map((warning) => printable(`warning: ${warning}`)),
    '',
    ...tableLines(cells, [
      { title: 'version', value: (cell) => `#${cell.version}` },
      { title: 'with', value: ({ values }) => cellLabel(values) },
      { title: 'status', value: ({ status, stopped }) => (stopped ? `${status} by halving` : status) },
      { title: 'folds', value: (cell) => `${cell.foldsCompleted}/${cell.foldsTotal}`, align: 'right' },
      { title: 'CV', value: ({ cv }) => formatScore(cv), align: 'right' },
      { title: 'difference', value: (cell) => difference(cell, baseline), align: 'right' },
      { title: 'interval', value: interval },
      { title: 'p', value: (cell) => probability(cell.difference?.pValue), align: 'right' },
      { title: 'p (Holm)', value: (cell) => probability(cell.difference?.pHolm), align: 'right' },
    ]),
    ...stops.map(({ version: v, stopped }) => `#${v} cancelled by halving: ${stopText(stopped!)}`),
    ...(level === undefined
      ? []
      : ['', `differences from #${baseline} fold by fold: ${level * 100} % intervals of a paired t-test, corrected`]),
  ]
}

function difference({ version, difference: d }: MatrixCell, baseline: number): string | null {
  return version === baseline ? 'baseline' : d && signed(d.mean)
}

function interval({ difference: d }: MatrixCell): string | null {
  return d && `${signed(d.low)} to ${signed(d.high)}`
}

function probability(p: number | undefined): string | null {
  return p === undefined ? null : p.toPrecision(2)
}
