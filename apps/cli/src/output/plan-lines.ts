import type { ExperimentSpec, StageSpec } from '@baton/contracts'
import { assertNever, foldsOf, listOf, modelOf, modelsOf } from '@baton/contracts'
import type { TrainingPlan } from '@baton/trainer'
import { plotLines } from './plot.ts'
import { tableLines } from './table.ts'
import { count, printable } from './text.ts'

/** What `spec explain` prints: what one fold comes to, and how many of them there are. */
export function planLines(spec: ExperimentSpec, plan: TrainingPlan, columns: number): string[] {
  const { train, validation } = plan.samples
  const width = Math.max(20, Math.min(72, columns - 2))
  return [
    `${printable(spec.name)}: ${count(foldsOf(spec).length, 'fold')} of ${spec.dataset}, model ${modelText(spec)} at ${spec.image.size} px`,
    `Each fold trains on about ${train} samples and is validated on about ${validation}, ${spec.folds.split} split, seed ${spec.seed}.`,
    `It is evaluated ${cadence(spec)}, ${ttaOf(spec)}; a checkpoint every ${spec.checkpoint.everySeconds} s.`,
    ...targetLines(spec, plan.samples),
    ...spec.stages.flatMap(drawLines),
    ...stepLines(spec),
    memoryLine(spec),
    ...neighbourLines(spec),
    '',
    ...tableLines(plan.stages, [
      { title: 'stage', value: ({ name }) => name },
      { title: 'trains', value: ({ train }) => (typeof train === 'string' ? train : train.join(', ')) },
      { title: 'lasts', value: ({ duration: { value, unit } }) => count(value, unit.slice(0, -1)), align: 'right' },
      { title: 'batch', value: ({ batch }) => batch, align: 'right' },
      { title: 'steps', value: ({ steps }) => steps ?? unknown, align: 'right' },
      { title: 'from step', value: ({ firstStep }) => firstStep ?? unknown, align: 'right' },
      { title: 'evaluations', value: ({ evaluations }) => evaluations ?? unknown, align: 'right' },
      { title: 'learning rate', value: (stage) => rates(stage) },
    ]),
    '',
    ...curveLines(plan, width),
  ]
}

/** Not known before the training: a stage of so many hours has as many steps as the machine makes in them. */
const unknown = '?'

function curveLines({ stages, totalSteps }: TrainingPlan, width: number): string[] {
  if (totalSteps === null) return ['How many steps a stage of so many hours has is decided on the way, by its pace.']
  const curve = learningRates(stages, totalSteps, width)
  return [
    `learning rate over ${count(totalSteps, 'step')} a fold, at most ${Math.max(...curve).toPrecision(3)}`,
    ...plotLines(curve).map((line) => line.trimEnd()),
  ]
}

function ttaOf({ evaluate: { tta } }: ExperimentSpec): string {
  if (tta === 'none') return 'as it is'
  return tta === 'flip' ? 'with flip TTA' : `with ${count(tta.views, 'view')} of each picture`
}

/** The same for programs. */
export function plannedJson(spec: ExperimentSpec, plan: TrainingPlan) {
  return {
    folds: foldsOf(spec).length,
    samples: plan.samples,
    totalSteps: plan.totalSteps,
    stages: plan.stages.map(({ lr, ...stage }) => ({
      ...stage,
      lrFirst: lr(0),
      lrLast: stage.steps === null ? null : lr(stage.steps - 1),
    })),
    learningRates: plan.totalSteps === null ? null : learningRates(plan.stages, plan.totalSteps, 200),
  }
}

function cadence({ evaluate: { everyEpochs, everySteps } }: ExperimentSpec): string {
  if (everySteps !== null) return `every ${count(everySteps, 'step')} and at the end of a stage`
  return everyEpochs === 1 ? 'every epoch' : `every ${everyEpochs} epochs and at the end of a stage`
}

function rates({ lr, steps }: TrainingPlan['stages'][number]): string {
  const ends = steps === null ? [lr(0)] : [lr(0), lr(steps - 1)]
  const [first, last = first] = ends.map((rate) => Number(rate.toPrecision(3)))
  return first === last ? String(first) : `${first} to ${last}`
}

/** The learning rate at `points` steps, evenly over the whole training, of stages whose steps are all known. */
function learningRates(stages: TrainingPlan['stages'], totalSteps: number, points: number): number[] {
  const shown = Math.min(points, totalSteps)
  return Array.from({ length: shown }, (_, i) => {
    const step = Math.floor((i * totalSteps) / shown)
    const stage = stages.findLast(({ firstStep }) => firstStep! <= step)!
    return stage.lr(step - stage.firstStep!)
  })
}

/** The model, or the one of each fold. */
function modelText(spec: ExperimentSpec): string {
  if (modelsOf(spec).length === 1) return modelOf(spec, 0).name
  return foldsOf(spec)
    .map((fold) => `${modelOf(spec, fold).name} (fold ${fold})`)
    .join(', ')
}

/** What of its samples a stage has more often than once an epoch. */
function drawLines({ name, mine, sample }: StageSpec): string[] {
  return [
    ...(sample === null
      ? []
      : [
          `Stage ${name} draws samples with replacement, by the ${sample.weight} weight ${sample.over === 'rarest' ? 'of their rarest label' : 'of their labels, on average'}.`,
        ]),
    ...(mine === null
      ? []
      : [`Stage ${name} has the ${percent(mine.share)} learnt worst in an epoch again in the next.`]),
  ]
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`
}

/** What is done once a fold has trained. */
function neighbourLines({ knn }: ExperimentSpec): string[] {
  if (knn === null) return []
  const weight = knn.weight === null ? 'as much as OOF says' : String(knn.weight)
  const found = `Once it has trained, each fold looks for the ${knn.neighbours} nearest training samples of what it predicts`
  return [knn.weight === 0 ? `${found}, for how far they are.` : `${found}; their vote weighs ${weight}.`]
}

/** How steps run. A spec does not say where it will be trained, so what fp16 asks for is said to everybody. */
function stepLines({ precision, code }: ExperimentSpec): string[] {
  const of = precision === 'fp32' ? precision : `${precision}: convolutions and matrix products, nothing else`
  const where =
    code === null
      ? 'where the worker has TensorFlow'
      : 'where the worker has TensorFlow and the code bundle can become a graph'
  return [
    `Steps run compiled, in ${of}, ${where}; eagerly, in fp32, elsewhere.`,
    ...(precision === 'fp16' ? ['fp16 is for GPUs: most CPUs take a hundred times as long and more.'] : []),
  ]
}

/** What becomes of a fold that runs out of memory. */
function memoryLine({ onOom }: ExperimentSpec): string {
  switch (onOom) {
    case 'shrink':
      return 'Out of memory, a fold goes back to its newest checkpoint and on with half as much at a time.'
    case 'fail':
      return 'Out of memory, a fold fails.'
    default:
      return assertNever(onOom)
  }
}

/** What is learnt beside the labels, and what training starts with: a line each. */
function targetLines(
  { from, fromCheckpoint, labels, targets }: ExperimentSpec,
  { pseudo: added }: TrainingPlan['samples'],
): string[] {
  const { distill, pseudo, clean } = targets
  const named = (refs: string | readonly string[]) => listOf(refs).join(', ')
  return [
    ...(labels === null ? [] : [`It learns ${labels.map(printable).join(', ')} alone.`]),
    ...(from === null ? [] : [`It starts with the ${fromCheckpoint} weights of ${from}.`]),
    ...(distill === null ? [] : [`Taught by OOF of ${named(distill.teacher)}: ${distill.form}, κ ${distill.kappa}.`]),
    ...(pseudo === null
      ? []
      : [
          `${percent(pseudo.share)} of the test samples${added === null ? '' : `, ${added},`} are added as ${named(pseudo.from)} labels them${added === null ? ', not counted here: say how many there are with --test-samples' : ''}.`,
        ]),
    ...(clean === null ? [] : [`The worst ${percent(clean.share)} by OOF of ${named(clean.from)} are left out.`]),
  ]
}
