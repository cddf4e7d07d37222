import { modelOf, modelsOf, problems } from '@baton/contracts'
import type { Blend, Experiment, Fold, MetricReport, Progress } from '@baton/contracts'
import { failureText, stopText } from './describe-event.ts'
import { tableLines } from './table.ts'
import { formatScore, formatSeconds, printable, shortDigest } from './text.ts'

/** An experiment as `show` prints it. */
export function experimentLines(experiment: Experiment): string[] {
  const { project, version, name, status, parent, dataset, code, specDigest, failure } = experiment
  return [
    `${project} #${version}  ${printable(name)}  ${status}`,
    ...(parent === null ? [] : [`from the spec of #${parent}`]),
    ...(experiment.blend === null ? [] : [blendLine(experiment.blend)]),
    `dataset ${dataset}  code ${shortDigest(code)}  spec ${shortDigest(specDigest)}  created ${experiment.createdAt}`,
    ...inputLines(experiment),
    scoreLine(experiment),
    ...(experiment.metrics === null ? [] : metricLines(experiment.metrics, experiment.spec.metric.beta)),
    ...thresholdLines(experiment.thresholds ?? {}),
    ...neighbourLines(experiment),
    ...(experiment.stopped === null ? [] : [`cancelled by halving: ${stopText(experiment.stopped)}`]),
    ...(failure === null ? [] : failureLines(failure)),
    '',
    ...tableLines(experiment.folds, [
      { title: 'fold', value: (fold) => fold.index, align: 'right' },
      { title: 'status', value: (fold) => fold.status },
      ...modelColumn(experiment),
      { title: 'progress', value: (fold) => progressText(fold) },
      { title: 'score', value: (fold) => formatScore(fold.score), align: 'right' },
      { title: 'attempts', value: (fold) => fold.attempts, align: 'right' },
      { title: 'checkpoint', value: (fold) => (fold.checkpointStep === null ? null : `step ${fold.checkpointStep}`) },
    ]),
    ...experiment.folds.flatMap(({ index, failure }) =>
      failure === null ? [] : ['', `fold ${index} failed`, ...failureLines(failure)],
    ),
  ]
}

function blendLine({ by, members }: Blend): string {
  const parts = members.map(({ version, weight }) => `#${version}${weight === null ? '' : ` × ${weight.toFixed(2)}`}`)
  return `ensemble, ${by}: ${parts.join(', ')}`
}

/** The model of each fold, where they are drawn. */
function modelColumn({ spec }: Experiment): { title: string; value: (fold: Fold) => string }[] {
  return modelsOf(spec).length === 1 ? [] : [{ title: 'model', value: ({ index }) => modelOf(spec, index).name }]
}

/** What it takes from elsewhere, a line for each part of the spec that asks for it. */
function inputLines({ inputs }: Experiment): string[] {
  const uses = new Map<string, Set<string>>()
  // An experiment is named once, not once a fold.
  for (const { use, source } of inputs) uses.set(use, (uses.get(use) ?? new Set()).add(source.replace(/\/\d+$/, '')))
  return Array.from(uses, ([use, sources]) => `${use}: ${[...sources].map(printable).join(', ')}`)
}

/** CV and LB in one line. */
export function scoreLine({ cv, cvLow, cvHigh, cvMean, cvStd, lbPublic, lbPrivate }: Experiment): string {
  const bounds = cvLow === null ? '' : ` [${formatScore(cvLow)}, ${formatScore(cvHigh)}]`
  const spread = cvMean === null ? '' : ` (folds ${formatScore(cvMean)} ± ${formatScore(cvStd)})`
  return `CV ${formatScore(cv)}${bounds}${spread}  LB public ${formatScore(lbPublic)}  private ${formatScore(lbPrivate)}`
}

/** Every metric of all OOF, and the score of each label group where there are several. */
function metricLines(metrics: MetricReport, beta: number): string[] {
  const { fbetaSamples, fbetaMicro, fbetaMacro, map, auc, logLoss, groups } = metrics
  const f = `F${beta} samples ${formatScore(fbetaSamples)}, micro ${formatScore(fbetaMicro)}, macro ${formatScore(fbetaMacro)}`
  const scores = Object.entries(groups).map(([group, score]) => `${printable(group)} ${formatScore(score)}`)
  return [
    `OOF ${f}  mAP ${formatScore(map)}  AUC ${formatScore(auc)}  log loss ${formatScore(logLoss)}`,
    ...(scores.length > 1 ? [`by label group: ${scores.join(', ')}`] : []),
  ]
}

function thresholdLines(thresholds: Readonly<Record<string, number>>): string[] {
  const parts = Object.entries(thresholds).map(([group, threshold]) => `${printable(group)} ${threshold.toFixed(3)}`)
  return parts.length === 0 ? [] : [`thresholds ${parts.join(', ')}`]
}

/** What was found on OOF beside thresholds. */
function neighbourLines({ knnWeight, distanceSlope }: Experiment): string[] {
  return [
    ...(knnWeight === null ? [] : [`the vote of neighbours weighs ${knnWeight.toFixed(2)}`]),
    ...(distanceSlope === null
      ? []
      : [`thresholds are lowered to e^(-${distanceSlope.toFixed(1)} r) of them, r the relative distance`]),
  ]
}

function failureLines(failure: NonNullable<Fold['failure']>): string[] {
  const indented = failure.lastLines.map((line) => `    ${printable(line)}`)
  return [`  ${printable(failureText(failure))}`, ...indented, `  what to do: ${problems[failure.code].remedy}`]
}

/** Of a fold on its way; the last progress of one that completed is older than its end. */
function progressText({ status, progress }: Fold): string | null {
  return status === 'completed' || progress === null ? null : `${progress.step} of ${progress.totalSteps}`
}

/** What stands behind a fold's bar. */
export function progressDetail(progress: Progress): string {
  const { step, totalSteps, epoch, stage, loss, imagesPerSecond, etaSeconds } = progress
  return [
    `step ${step}/${totalSteps}`,
    `${printable(stage)} epoch ${epoch}`,
    ...(loss === null ? [] : [`loss ${loss.toPrecision(4)}`]),
    ...(imagesPerSecond === null ? [] : [`${Math.round(imagesPerSecond)} images/s`]),
    ...(etaSeconds === null ? [] : [`${formatSeconds(etaSeconds)} left`]),
  ].join('  ')
}
