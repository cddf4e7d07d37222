import { AppError, labelsOf } from '@baton/contracts'
import type { DatasetManifest, FoldsSpec } from '@baton/contracts'
import { integer, permutation, streamKey } from '@baton/random'

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

/** Shuffled, then the largest first: what is hard to place is placed while every fold still has room. */
function inOrderOfPlacing(units: readonly Unit[], seed: number): Unit[] {
  const shuffled = Array.from(permutation(streamKey(seed, 'split', 'order'), units.length), (i) => units[i]!)
  return shuffled.sort((a, b) => b.samples.length - a.samples.length)
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
 * The fold that validates each train sample, as a pure function of manifest, spec and seed.
 *
 * `stratified` spreads every label evenly over the folds, rarest labels first:
 *
 *   want c_f = N / k and c_{f,l} = N_l / k. Take the label with the fewest unassigned units (ties by lot); each of its
 *   units goes to the fold with the largest c_{f,l}, ties by the largest c_f, then by lot; subtract what it brings.
 *
 * Units are groups, which stay whole, and count as many times as they have samples; large ones come first.
 * `random` places the units in shuffled order, by c_f alone.
 *
 * @returns Fold of each of the manifest's samples, 0-based; −1 for test samples. [samples]
 * @throws {AppError} `spec-invalid` when a fold would validate on nothing: fewer groups than folds.
 * @see Sechidis, Tsoumakas, Vlahavas: On the Stratification of Multi-Label Data, ECML PKDD 2011, Algorithm 1
 *   (groups as units are ours)
 */
export function splitFolds(
  manifest: Pick<DatasetManifest, 'samples' | 'labelGroups'>,
  { count, split }: Pick<FoldsSpec, 'count' | 'split'>,
  seed: number,
): Int32Array {
  const units = inOrderOfPlacing(unitsOf(manifest), seed)
  const placed = split === 'random' ? units.map((unit) => ({ ...unit, labels: [] })) : units
  const foldOfUnit = stratify(placed, count, labelsOf(manifest).length, seed)
  const folds = new Int32Array(manifest.samples.length).fill(-1)
  units.forEach((unit, u) => {
    for (const sample of unit.samples) folds[sample] = foldOfUnit[u]!
  })
  for (let fold = 0; fold < count; fold++) if (!folds.includes(fold)) throw emptyFold(fold, count, units.length)
  return folds
}

function emptyFold(fold: number, count: number, groups: number): AppError {
  const detail = `fold ${fold} of ${count} would have no sample: the dataset has ${groups} groups of train samples`
  return new AppError(
    'spec-invalid',
    { fold, count, groups },
    { detail, faults: [{ pointer: '/folds/count', detail }] },
  )
}
