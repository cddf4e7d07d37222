import { AppError, foldsOf, listOf, modelOf, modelsOf, parseFoldRef } from '@baton/contracts'
import type {
  Experiment,
  ExperimentInput,
  ExperimentSpec,
  Fault,
  ModelSpec,
  PredictionsInput,
  Project,
} from '@baton/contracts'
import { canonicalJson } from '../digest.ts'
import type { DatasetRecord, ExperimentRecord, Store, Tables } from '../store.ts'

interface ResolveInputs {
  readonly project: Project
  readonly spec: ExperimentSpec
  /** The version that the spec's `dataset` is. */
  readonly dataset: DatasetRecord
}

type FoldEntry = ExperimentRecord['folds'][number]
type Wanted = ResolveInputs & { readonly store: Store }

/**
 * Finds the objects that a spec names in words (`from: imet#41`), so that they are the same from here on.
 *
 * What would make a score dishonest is refused: weights of a model that was trained on samples which the fold validates
 * on, and predictions that are not out of fold for every training sample.
 *
 * @throws {AppError} `spec-invalid`, naming the field, the reason and the remedy of everything that cannot be had
 */
async function resolveInputs({ store }: { store: Store }, input: ResolveInputs): Promise<ExperimentInput[]> {
  const wanted = { ...input, store }
  const { distill, pseudo, clean } = input.spec.targets
  const parts = [
    () => resolveFrom(wanted),
    () => resolveWeights(wanted),
    ...(distill === null
      ? []
      : [() => resolveOof(wanted, 'targets.distill', distill.teacher, '/targets/distill/teacher')]),
    ...(pseudo === null ? [] : [() => resolvePseudo(wanted, pseudo)]),
    ...(clean === null ? [] : [() => resolveOof(wanted, 'targets.clean', clean.from, '/targets/clean/from')]),
  ]
  const inputs: ExperimentInput[] = []
  const faults: Fault[] = []
  for (const part of parts)
    await part().then(
      (found) => inputs.push(...found),
      (error: unknown) => {
        if (!(error instanceof Unresolved)) throw error
        faults.push(error.fault)
      },
    )
  if (faults.length > 0) throw new AppError('spec-invalid', {}, { faults })
  return inputs
}

/**
 * What an experiment takes from elsewhere. One that was cloned, and asks for the same, takes the same objects, also where
 * they could not be found any more.
 *
 * @throws {AppError} `spec-invalid`
 */
export async function inputsOf(
  { store }: { store: Store },
  { parent, ...input }: ResolveInputs & { readonly parent: Pick<Experiment, 'spec' | 'inputs' | 'blend'> | null },
): Promise<readonly ExperimentInput[]> {
  const asked = ({ dataset, folds, seed, labels, model, from, fromCheckpoint, targets }: ExperimentSpec) =>
    canonicalJson({ dataset, folds, seed, labels, model, from, fromCheckpoint, targets })
  // An ensemble has the spec of its first member, and trained nothing.
  const isTrained = parent !== null && parent.blend === null
  if (isTrained && asked(parent.spec) === asked(input.spec)) return parent.inputs
  return resolveInputs({ store }, input)
}

/**
 * Keeps inputs in storage from here on, before the row that names them is written.
 *
 * @throws {AppError} `spec-invalid` where an object was removed since it was found
 */
export async function holdInputs({ experiments }: Tables, inputs: readonly ExperimentInput[]): Promise<void> {
  if (inputs.length === 0) return
  const gone = new Set(await experiments.holdObjects(inputs.map(({ digest }) => digest)))
  const faults = inputs
    .filter(({ digest }) => gone.has(digest))
    .map(({ use, source }) => ({ pointer: `/${use.replaceAll('.', '/')}`, detail: `${source} was removed just now` }))
  if (faults.length > 0) throw new AppError('spec-invalid', {}, { faults })
}

/** What the spec names cannot be had. */
class Unresolved extends Error {
  override readonly name = 'Unresolved'
  readonly fault: Fault
  constructor(pointer: string, detail: string) {
    super(detail)
    this.fault = { pointer, detail }
  }
}

/** The weights that each fold starts with. */
async function resolveFrom(wanted: Wanted): Promise<ExperimentInput[]> {
  const { spec, store } = wanted
  if (spec.from === null) return []
  const source = await findSource(wanted, spec.from, '/from')
  const { fold: named } = parseFoldRef(spec.from)
  assertUnseen(wanted, source, named)
  const part = await partOf(wanted, source)
  const own = foldsOf(spec)
  // Where a fold is named, all start with its weights.
  const pairs = named === null ? own.map((fold) => [fold, fold] as const) : [[named, null] as const]
  const found = await Promise.all(
    pairs.map(async ([from, fold]): Promise<ExperimentInput[]> => {
      const entry = foldOf(source, from, '/from')
      const takers = fold === null ? own : [fold]
      const theirs = architectureOf(modelOf(source.spec, from))
      if (takers.some((taker) => architectureOf(modelOf(spec, taker)) !== theirs))
        throw new Unresolved('/from', `${nameOf(wanted, source)} has another model; give this one the same \`model\``)
      const origin = { use: 'from', source: `${nameOf(wanted, source)}/${from}`, fold } as const
      if (spec.fromCheckpoint === 'best') {
        const { weights } = resultOf(wanted, source, entry, '/from')
        return [{ kind: 'weights', ...origin, ...weights, part }]
      }
      // One that was found unreadable may stand before it.
      const { items } = await store.folds.checkpoints(entry.id, { limit: 10 })
      const files = items.find(({ isNewest }) => isNewest)?.manifest.files ?? []
      // What the checkpoint's stage left as it was stands apart.
      const blobsOf = (part: 'weights' | 'optimizer') => {
        const own = files.filter(({ name }) => name === part || name === `frozen-${part}`)
        if (own.length === 0) throw noCheckpoint(origin.source)
        return own.map(({ digest, sizeBytes }) => ({ digest, sizeBytes }))
      }
      return [
        ...blobsOf('weights').map((blob): ExperimentInput => ({ kind: 'weights', ...origin, ...blob, part })),
        ...blobsOf('optimizer').map((blob): ExperimentInput => ({ kind: 'slots', ...origin, ...blob })),
      ]
    }),
  )
  return found.flat()
}

/** What decides names and shapes of a model's weights, as text. */
function architectureOf(model: ModelSpec): string {
  const { dropout: _, weights: __, ...architecture } = { dropout: 0, ...model }
  return canonicalJson(architecture)
}

/** The artifacts that models start with, each for the folds that have the model. */
async function resolveWeights({ store, project, spec }: Wanted): Promise<ExperimentInput[]> {
  const models = modelsOf(spec)
  const found = await Promise.all(
    models.map(async (model, i): Promise<ExperimentInput[]> => {
      if (model.weights === null) return []
      const { artifact: name } = model.weights
      const artifact = await store.artifacts.find(project.id, name)
      const pointer = Array.isArray(spec.model) ? `/model/${i}/weights/artifact` : '/model/weights/artifact'
      if (artifact === null)
        throw new Unresolved(
          pointer,
          `project "${project.slug}" keeps no artifact "${name}"; push it with \`baton artifacts push\``,
        )
      const { digest, sizeBytes } = artifact
      const folds = models.length === 1 ? [null] : foldsOf(spec).filter((fold) => modelOf(spec, fold) === model)
      return folds.map((fold) => ({
        kind: 'weights',
        use: 'model.weights',
        source: name,
        fold,
        digest,
        sizeBytes,
        part: 'all',
      }))
    }),
  )
  return found.flat()
}

function noCheckpoint(source: string): Unresolved {
  return new Unresolved(
    '/fromCheckpoint',
    `${source} has no checkpoint: they are kept for a day after the fold's end; take its weights with \`best\``,
  )
}

/**
 * Refuses weights that have seen validation samples. Of the same dataset, fold k may start with those of fold k, split in
 * the same way: what fold k validates on, neither was trained on.
 */
function assertUnseen(wanted: Wanted, source: ExperimentRecord, named: number | null): void {
  const { spec, dataset } = wanted
  if (source.dataset.dataset !== dataset.dataset) return
  const name = nameOf(wanted, source)
  if (!isSameSplit(wanted, source))
    throw new Unresolved(
      '/from',
      `${name} splits ${dataset.dataset} in another way, so its models have seen samples that are validated on here; ` +
        'use its version of the dataset, `folds` and `seed`',
    )
  const others = named === null ? [] : foldsOf(spec).filter((fold) => fold !== named)
  if (others.length > 0)
    throw new Unresolved(
      '/from',
      `${name}/${named} was trained on what fold ${others.join(', ')} validates on; leave the fold out ` +
        `(${name}), so that each starts with its own, or train this one only (\`folds.only: [${named}]\`)`,
    )
}

function isSameSplit({ spec, dataset }: ResolveInputs, source: ExperimentRecord): boolean {
  const splitOf = ({ folds: { only: _, ...folds }, seed }: ExperimentSpec, { manifest }: DatasetRecord) =>
    canonicalJson({ folds, seed, manifest: manifest.digest })
  return splitOf(spec, dataset) === splitOf(source.spec, source.dataset)
}

/** The classifier is good for the labels that it was trained for. */
async function partOf({ store, project, spec, dataset }: Wanted, source: ExperimentRecord): Promise<'all' | 'body'> {
  const isOfSame =
    source.dataset.dataset === dataset.dataset && canonicalJson(source.spec.labels) === canonicalJson(spec.labels)
  if (!isOfSame) return 'body'
  const [own, theirs] = await Promise.all(
    [dataset, source.dataset].map((of) => store.datasets.get(project.id, of.dataset, of.version)),
  )
  return canonicalJson(own?.labelGroups) === canonicalJson(theirs?.labelGroups) ? 'all' : 'body'
}

type Sources = string | readonly string[]

/** Out-of-fold predictions for every training sample. */
async function resolveOof(
  wanted: Wanted,
  use: PredictionsInput['use'],
  refs: Sources,
  pointer: string,
): Promise<ExperimentInput[]> {
  const found = await Promise.all(
    listOf(refs).map(async (ref) => {
      const source = await findPredictions(wanted, ref, pointer)
      const trained = source.folds.length
      if (trained < source.spec.folds.count)
        throw new Unresolved(
          pointer,
          `${ref} has trained ${trained} of its ${source.spec.folds.count} folds, so there are samples that it has no ` +
            'OOF prediction for; name an experiment without `folds.only`',
        )
      return source.folds.map((entry): ExperimentInput => {
        const { oof } = resultOf(wanted, source, entry, pointer)
        return { kind: 'oof', use, source: `${ref}/${entry.index}`, fold: null, labels: source.spec.labels, ...oof }
      })
    }),
  )
  return found.flat()
}

/** Predictions of the test samples: of all folds, or for each fold those of the same one. */
async function resolvePseudo(
  wanted: Wanted,
  { from, folds }: NonNullable<ExperimentSpec['targets']['pseudo']>,
): Promise<ExperimentInput[]> {
  const pointer = '/targets/pseudo/from'
  const found = await Promise.all(
    listOf(from).map(async (ref) => {
      const source = await findPredictions(wanted, ref, pointer)
      if (folds === 'same-fold' && !isSameSplit(wanted, source))
        throw new Unresolved(
          pointer,
          `${ref} splits the dataset in another way, so its fold k has seen what fold k validates on here; use its ` +
            '`folds` and `seed`, or the mean of all its folds with `folds: all`, whose scores are too good',
        )
      const entries = folds === 'all' ? source.folds : foldsOf(wanted.spec).map((fold) => foldOf(source, fold, pointer))
      return entries.map((entry): ExperimentInput => {
        const { test } = resultOf(wanted, source, entry, pointer)
        if (test === null) throw new Unresolved(pointer, `${source.spec.dataset} has no test samples to be labelled`)
        const fold = folds === 'all' ? null : entry.index
        return {
          kind: 'test-predictions',
          use: 'targets.pseudo',
          source: `${ref}/${entry.index}`,
          fold,
          labels: source.spec.labels,
          ...test,
        }
      })
    }),
  )
  return found.flat()
}

/** An experiment whose predictions are of our samples. */
async function findPredictions(wanted: Wanted, ref: string, pointer: string): Promise<ExperimentRecord> {
  const source = await findSource(wanted, ref, pointer)
  if (source.dataset.manifest.digest !== wanted.dataset.manifest.digest)
    throw new Unresolved(
      pointer,
      `${ref} was trained on ${source.spec.dataset}, not ${wanted.dataset.dataset}@${wanted.dataset.version}; name one of the same dataset version`,
    )
  const lacking = (wanted.spec.labels ?? []).filter((name) => source.spec.labels?.includes(name) === false)
  if (source.spec.labels !== null && (wanted.spec.labels === null || lacking.length > 0))
    throw new Unresolved(
      pointer,
      `${ref} predicts ${source.spec.labels.join(', ')} alone; name an experiment of all labels that are learnt here`,
    )
  return source
}

async function findSource({ store, project }: Wanted, ref: string, pointer: string): Promise<ExperimentRecord> {
  const { project: slug, version } = parseFoldRef(ref)
  if (slug !== project.slug)
    throw new Unresolved(pointer, `${ref} is of another project; name an experiment of "${project.slug}"`)
  const experiment = await store.experiments.get(slug, version)
  const record = experiment && (await store.experiments.find(experiment.id))
  if (!record)
    throw new Unresolved(pointer, `there is no experiment ${slug}#${version}; \`baton experiments\` lists them`)
  if (record.blend !== null) {
    const members = record.blend.members.map((member) => `${slug}#${member.version}`).join(', ')
    throw new Unresolved(pointer, `${slug}#${version} is an ensemble, which has no folds of its own; name ${members}`)
  }
  return record
}

function foldOf(source: ExperimentRecord, index: number, pointer: string): FoldEntry {
  const entry = source.folds.find((fold) => fold.index === index)
  const has = source.folds.map((fold) => fold.index).join(', ')
  if (!entry) throw new Unresolved(pointer, `#${source.version} has no fold ${index}: it trains ${has}`)
  return entry
}

function resultOf(wanted: Wanted, source: ExperimentRecord, { index, status, result }: FoldEntry, pointer: string) {
  if (status === 'completed' && result !== null) return result
  throw new Unresolved(
    pointer,
    `fold ${index} of ${nameOf(wanted, source)} is ${status}; start this experiment once it is completed`,
  )
}

function nameOf({ project }: ResolveInputs, { version }: ExperimentRecord): string {
  return `${project.slug}#${version}`
}
