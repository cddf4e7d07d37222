import { stringify } from 'yaml'
import type { ExperimentRow, Matrix, MatrixSpec } from '@baton/contracts'
import type { PairedDifference } from '@baton/evaluation'
import type { Baseline } from './pixel-baselines.ts'
import type { PrecisionStudy } from './precision-study.ts'
import { machine } from './machine.ts'

/** What has been measured. */
export interface Results {
  readonly matrix: Matrix
  readonly spec: MatrixSpec
  /** What each experiment of the matrix is called. */
  readonly names: readonly string[]
  readonly rows: readonly ExperimentRow[]
  readonly baselines: readonly Baseline[]
  /** Null: the machine does not compute in bf16. */
  readonly precision: PrecisionStudy | null
  readonly samples: { readonly train: number; readonly labels: number; readonly side: number }
  readonly tensorflow: string
  readonly seconds: number
}

/** `docs/results.md`: all that stands in it was measured. */
export function resultsPage(results: Results): string {
  const { matrix, spec, names, rows, baselines, precision, samples, tensorflow, seconds } = results
  const { halving: _, ...written } = spec
  const { exclude: __, ...axes } = written.matrix
  const baselineRows = [
    ...baselines.map(({ name, cv, cvLow, cvHigh, difference }) => [
      name,
      score(cv),
      bounds(cvLow, cvHigh),
      change(difference),
    ]),
    ['`imet/ceshine-320`, scaled down', score(rows[0]!.cv!), bounds(rows[0]!.cvLow!, rows[0]!.cvHigh!), ''],
  ]
  const cells = matrix.cells.map(({ difference }, i) => [
    names[i]!,
    score(rows[i]!.cv!),
    bounds(rows[i]!.cvLow!, rows[i]!.cvHigh!),
    difference === null ? 'baseline' : change(difference),
    difference === null ? '' : difference.pValue.toPrecision(2),
    difference === null ? '' : difference.pHolm.toPrecision(2),
  ])
  return `# Results on the emoji set

Written by \`npm run results\`, which trains all of it through an embedded Baton and takes some minutes. Measured ${new Date().toISOString().slice(0, 10)} in ${Math.round(seconds / 60)} min on ${machine()}; ${tensorflow}, one thread a session.

The set is ${samples.train} train pictures of ${samples.side} px with ${samples.labels} labels in two groups, split into ${matrix.cells[0]!.foldsTotal} folds. Scores are F2 over samples, at a threshold searched on OOF; the pooled CV with its 95 % bootstrap interval.

## Beside baselines

On the same folds, scored alike. The difference is the recipe's folds minus the baseline's, nested, with the 95 % interval of the paired test of [matrix](spec/matrix.md).

${table(['', 'CV', '95 %', 'recipe − baseline'], baselineRows)}

${verdict(baselines)}

*Mean label frequency* predicts for each picture how often the train pictures of the other folds have each label. *Logistic regression* sees 100 principal components of the standardised pixels, by scikit-learn: \`bench/pixel-baseline.py\`.

## Ablation

One thing is otherwise in each; differences are from the recipe, fold by fold.

${table(['', 'CV', '95 %', 'difference', 'p', 'p (Holm)'], cells)}

With ${matrix.cells[0]!.foldsTotal} folds of so few pictures only large effects show; a difference whose interval holds 0 says nothing.

## bf16

${precisionText(precision)}

## The spec

\`\`\`yaml
${stringify({ ...written, matrix: axes }, { lineWidth: 110 }).trimEnd()}
\`\`\`
`
}

function precisionText(study: PrecisionStudy | null): string {
  if (study === null) return 'Not trained: this machine does not compute in bf16.'
  const { seeds, difference, pairs } = study
  const rows = seeds.map(({ seed, cv: { fp32, bf16 } }) => [String(seed), score(fp32), score(bf16)])
  const { low, high, pValue } = difference
  const told = low > 0 ? 'bf16 is above fp32' : high < 0 ? 'bf16 is below fp32' : 'bf16 is not told apart from fp32'
  return `The recipe with \`precision: bf16\` and with \`fp32\`, nothing else otherwise, by ${seeds.length} seeds, each of which splits the folds and begins the weights in its own way.

${table(['seed', 'CV, fp32', 'CV, bf16'], rows)}

bf16 − fp32, fold by fold over ${pairs} folds, with its 95 % interval: ${change(difference)}, p ${pValue.toPrecision(2)}; ${told}. A loss of up to ${score(Math.max(0, -low))} is not ruled out.`
}

/** What the intervals allow to be said. */
function verdict(baselines: Results['baselines']): string {
  return baselines
    .map(({ name, difference: { low, high } }) => {
      if (low > 0) return `The recipe is above ${name}.`
      return high < 0 ? `The recipe is below ${name}.` : `From ${name} it is not told apart.`
    })
    .join(' ')
}

function score(value: number): string {
  return value.toFixed(4)
}

function bounds(low: number, high: number): string {
  return `${score(low)} … ${score(high)}`
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${score(Math.abs(value))}`
}

function change({ mean, low, high }: Pick<PairedDifference, 'mean' | 'low' | 'high'>): string {
  return `${signed(mean)} (${signed(low)} … ${signed(high)})`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
