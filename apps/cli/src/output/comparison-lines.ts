import type { ColumnName, Comparison } from '@baton/contracts'
import { shownValue } from './board.ts'
import { tableLines } from './table.ts'
import { printable } from './text.ts'

const summarised: readonly ColumnName[] = [
  'name',
  'status',
  'dataset',
  'code',
  'model',
  'cv',
  'cvLow',
  'cvHigh',
  'cvMean',
  'cvStd',
  'lbPublic',
  'lbPrivate',
  'gap',
  'gpuHours',
  'sessionHours',
  'attempts',
  'interruptions',
]

/** Two experiments as a person compares them: summary, specs, folds, and what the folds say together. */
export function comparisonLines({ left, right, spec, folds, difference, warnings }: Comparison): string[] {
  const titles = [`#${left.version}`, `#${right.version}`] as const
  const sides = <Row extends { left?: unknown; right?: unknown }>(
    show: (value: Row['left']) => string | number | null,
  ) => [
    { title: titles[0], value: (row: Row) => show(row.left), align: 'right' as const },
    { title: titles[1], value: (row: Row) => show(row.right), align: 'right' as const },
  ]
  const summary = summarised.map((name) => ({
    name,
    left: shownValue(name, left[name]),
    right: shownValue(name, right[name]),
  }))
  return [
    ...warnings.map((warning) => printable(`warning: ${warning}`)),
    ...tableLines(summary, [{ title: '', value: ({ name }) => name }, ...sides(asIs)]),
    '',
    ...(spec.length === 0
      ? ['the specs are the same']
      : tableLines(spec, [{ title: 'spec', value: ({ pointer }) => pointer }, ...sides(json)])),
    '',
    ...tableLines(folds, [
      { title: 'fold', value: ({ fold }) => fold, align: 'right' },
      ...sides((score) => shownValue('cv', score as number | null)),
      { title: 'difference', value: ({ difference: d }) => (d === null ? null : signed(d)), align: 'right' },
    ]),
    ...(difference === null ? [] : ['', differenceLine(difference)]),
  ]
}

const asIs = (value: unknown) => value as string | number | null
const json = (value: unknown) => (value === undefined ? null : JSON.stringify(value))

function differenceLine({ mean, low, high, level, pValue, folds }: NonNullable<Comparison['difference']>): string {
  const interval = `${signed(low)} to ${signed(high)} (${level * 100} %, paired t over ${folds} folds, corrected)`
  return `mean difference ${signed(mean)}, ${interval}, p = ${pValue.toPrecision(2)}`
}

/** A difference of scores. */
export function signed(score: number): string {
  return `${score < 0 ? '−' : '+'}${Math.abs(score).toFixed(4)}`
}
