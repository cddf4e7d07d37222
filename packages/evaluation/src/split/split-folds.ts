import { AppError, assertNever, labelsOf } from '@baton/contracts'
import type { DatasetManifest, FoldsSpec } from '@baton/contracts'
import { integer, permutation, streamKey } from '@baton/random'
import { splitFactsOf, splitFault } from './split-facts.ts'
import type { SplitFault } from './split-facts.ts'

/** Train samples that stay together: those of one group, or a single sample without one. */
interface Unit {
  samples: number[]
  /** One entry for each label of each sample, so a label may stand here more than once. */
  labels: number[]
}

function unitsOf({ samples }: Pick<DatasetManifest, 'samples'>): Unit[] {
  const units: Unit[] = []
  const byGroup = new Map<string, Unit>()
  for (const [index, { split, group, labels }] of samples.entries()) {
    if (split !== 'train') continue
    let unit = group === null ? undefined : byGroup.get(group)
    if (!unit) {
      unit = { samples: [], labels: [] }
      units.push(unit)
      if (group !== null) byGroup.set(group, unit)
    }
    unit.samples.push(index)
    unit.labels.push(...labels)
  }
  return units
}

function shuffled(units: readonly Unit[], seed: number): Unit[] {
  return Array.from(permutation(streamKey(seed, 'split', 'order'), units.length), (i) => units[i]!)
}

/** The largest first: what is hard to place is placed while every fold still has room. */
function largestFirst(units: readonly Unit[]): Unit[] {
  return units.toSorted((a, b) => b.samples.length - a.samples.length)
}

/** How many samples, in all and of each label, every fold still wants; times the number of folds, to stay integer. */
class Demand {
  readonly folds: number
  readonly samples: Float64Array // [folds]
  readonly labels: Float64Array // [labels, folds]

  constructor(units: readonly Unit[], folds: number, labels: number) {
    this.folds = folds
    this.samples = new Float64Array(folds)
    this.labels = new Float64Array(labels * folds)
    for (const unit of units) {
      for (let fold = 0; fold < folds; fold++) this.samples[fold]! += unit.samples.length
      for (const label of unit.labels) for (let fold = 0; fold < folds; fold++) this.labels[label * folds + fold]! += 1
    }
  }

  /** The folds that want this label most (null: any sample most); among several, those that want samples most. */
  neediest(label: number | null): number[] {
    let best: number[] = []
    for (let fold = 0; fold < this.folds; fold++) {
      const order = best.length === 0 ? 1 : this.compare(label, fold, best[0]!)
      if (order > 0) best = [fold]
      else if (order === 0) best.push(fold)
    }
    return best
  }

  private compare(label: number | null, a: number, b: number): number {
    const byLabel = label === null ? 0 : this.labels[label * this.folds + a]! - this.labels[label * this.folds + b]!
    return byLabel || this.samples[a]! - this.samples[b]!
  }

  satisfy(fold: number, unit: Unit): void {
    this.samples[fold]! -= this.folds * unit.samples.length
    for (const label of unit.labels) this.labels[label * this.folds + fold]! -= this.folds
  }
}

/** Label with the fewest units left, but at least one; among several, one by lot. Null when no unit with a label is left. */
function rarestLabel(left: Int32Array, seed: number, round: number): number | null {
  let fewest = Infinity
  let rarest: number[] = []
  for (let label = 0; label < left.length; label++) {
    const count = left[label]!
    if (count === 0 || count > fewest) continue
    if (count < fewest) rarest = []
    fewest = count
    rarest.push(label)
  }
  return rarest[integer(streamKey(seed, 'split', 'label'), round, Math.max(1, rarest.length))] ?? null
}

/** Sechidis' iterative stratification over units; fold of each unit. */
function stratify(units: readonly Unit[], folds: number, labels: number, seed: number): Int32Array {
  const demand = new Demand(units, folds, labels)
  const fold = new Int32Array(units.length).fill(-1)
  const unitsWith = Array.from({ length: labels }, (): number[] => [])
  const left = new Int32Array(labels)
  const distinct = units.map((unit) => [...new Set(unit.labels)])
  for (const [u, unitLabels] of distinct.entries())
    for (const label of unitLabels) {
      unitsWith[label]!.push(u)
      left[label]!++
    }

  const tieKey = streamKey(seed, 'split', 'fold')
  const place = (u: number, label: number | null) => {
    const neediest = demand.neediest(label)
    fold[u] = neediest[integer(tieKey, u, neediest.length)]!
    demand.satisfy(fold[u], units[u]!)
    for (const other of distinct[u]!) left[other]!--
  }
  for (let round = 0; ; round++) {
    const label = rarestLabel(left, seed, round)
    if (label === null) break
    for (const u of unitsWith[label]!) if (fold[u] === -1) place(u, label)
  }
  for (const u of units.keys()) if (fold[u] === -1) place(u, null)
  return fold
}

/**
 * Of each unit, the fold that holds fewest samples with the label of it that fewest samples have (of several the lowest),
 * by lot among several; without a label, the fold with fewest samples.
 *
 * @see https://github.com/lopuhin/kaggle-imet-2019, make_folds.py (groups as units are ours)
 */
function byRarestLabel(units: readonly Unit[], folds: number, labels: number, seed: number): Int32Array {
  const total = new Int32Array(labels)
  for (const unit of units) for (const label of unit.labels) total[label]!++
  const held = new Int32Array((labels + 1) * folds) // of each label, and last of any sample: [labels + 1, folds]
  const tieKey = streamKey(seed, 'split', 'fold')
  return Int32Array.from(units, (unit, u) => {
    const rarest = unit.labels.reduce((best, label) => (rarer(total, label, best) ? label : best), labels)
    const counts = held.subarray(rarest * folds, (rarest + 1) * folds)
    const fewest = counts.reduce((least, count) => Math.min(least, count))
    const candidates = Array.from(counts.keys()).filter((fold) => counts[fold] === fewest)
    const fold = candidates[integer(tieKey, u, candidates.length)]!
    for (const label of unit.labels) held[label * folds + fold]!++
    held[labels * folds + fold]! += unit.samples.length
    return fold
  })
}

/** Whether fewer samples have a label than another one; any is rarer than none, which is numbered after the last. */
function rarer(total: Int32Array, label: number, than: number): boolean {
  return than === total.length || total[label]! < total[than]! || (total[label] === total[than] && label < than)
}

function invalid({ field, detail }: SplitFault, facts: Record<string, unknown>): AppError {
  return new AppError('spec-invalid', facts, { detail, faults: [{ pointer: `/folds/${field}`, detail }] })
}

function withoutLabels(units: readonly Unit[]): Unit[] {
  return units.map((unit) => ({ ...unit, labels: [] }))
}

/** The units in the order they are placed in, and the fold of each. */
function place(
  units: readonly Unit[],
  { count, split }: { count: number; split: Exclude<FoldsSpec['split'], 'column'> },
  labels: number,
  seed: number,
): { units: readonly Unit[]; fold: Int32Array } {
  const lots = shuffled(units, seed)
  const ordered = largestFirst(lots)
  switch (split) {
    case 'stratified':
      return { units: ordered, fold: stratify(ordered, count, labels, seed) }
    case 'greedy':
      return { units: lots, fold: byRarestLabel(lots, count, labels, seed) }
    case 'random':
    case 'grouped':
      return { units: ordered, fold: stratify(withoutLabels(ordered), count, labels, seed) }
    default:
      return assertNever(split)
  }
}

/**
 * The fold that validates each train sample, as a pure function of manifest, spec and seed.
 *
 * `stratified` spreads every label evenly over the folds, rarest labels first:
 *
 *   want c_f = N / k and c_{f,l} = N_l / k. Take the label with the fewest unassigned units (ties by lot); each of its
 *   units goes to the fold with the largest c_{f,l}, ties by the largest c_f, then by lot; subtract what it brings.
 *
 * Units are groups, which stay whole, and count as many times as they have samples; large ones come first.
 * `random` and `grouped` place the units in shuffled order, by c_f alone; `grouped` wants groups to keep whole.
 * `greedy`: `byRarestLabel`. `column`: as the samples say.
 *
 * @returns Fold of each of the manifest's samples, 0-based; −1 for test samples. [samples]
 * @throws {AppError} `spec-invalid` when a fold would validate on nothing, or the dataset does not have what the split
 *   goes by.
 * @see Sechidis, Tsoumakas, Vlahavas: On the Stratification of Multi-Label Data, ECML PKDD 2011, Algorithm 1
 *   (groups as units are ours)
 */
export function splitFolds(
  manifest: Pick<DatasetManifest, 'samples' | 'labelGroups'>,
  { count, split }: Pick<FoldsSpec, 'count' | 'split'>,
  seed: number,
): Int32Array {
  const facts = splitFactsOf(manifest)
  const fault = splitFault(facts, { count, split })
  if (fault !== null) throw invalid(fault, { ...facts, count })
  // Train samples that the dataset says no fold of are refused above.
  if (split === 'column') return Int32Array.from(manifest.samples, ({ fold }) => fold ?? -1)
  const folds = new Int32Array(manifest.samples.length).fill(-1)
  const placed = place(unitsOf(manifest), { count, split }, labelsOf(manifest).length, seed)
  placed.units.forEach(({ samples }, u) => {
    for (const sample of samples) folds[sample] = placed.fold[u]!
  })
  for (let fold = 0; fold < count; fold++)
    if (!folds.includes(fold)) {
      const detail = `fold ${fold} of ${count} would have no sample: the dataset has ${facts.units} groups of train samples`
      throw invalid({ field: 'count', detail }, { fold, count, groups: facts.units })
    }
  return folds
}
