import type { LabelRange } from '../metric/label-rows.ts'

/** Where a member's own columns stand: those of the label groups that it predicts, laid end to end. */
export interface MemberPart {
  /** Columns of its own table. */
  readonly width: number
  /** Where each label group's columns begin in it; −1: it does not predict that group. [groups] */
  readonly startOf: readonly number[]
}

export interface MemberTable extends MemberPart {
  readonly value: Float32Array // [n, width]
}

/** @param labels Names of the label groups that a member predicts; null: all. */
export function partsOf(ranges: readonly LabelRange[], labels: readonly string[] | null): MemberPart {
  let width = 0
  const startOf = ranges.map(({ name, start, end }) => {
    if (labels !== null && !labels.includes(name)) return -1
    const at = width
    width += end - start
    return at
  })
  return { width, startOf }
}

/**
 * Weighted mean of the members' tables, column by column over those that predict its label group.
 *
 *   x(i, c) = Σ_m w_m · x_m(i, c) / Σ_m w_m, m over the members that predict c; where these weigh nothing, all alike
 *
 * @param weights Of each member, not negative.
 * @returns Row-major. [n, labels]
 */
export function mix(
  tables: readonly MemberTable[],
  weights: readonly number[],
  ranges: readonly LabelRange[],
): Float32Array {
  const labels = ranges.at(-1)!.end
  const n = tables[0]!.value.length / tables[0]!.width
  const mixed = new Float32Array(n * labels)
  ranges.forEach(({ start, end }, group) => {
    const own = tables.flatMap((table, m) => (table.startOf[group]! < 0 ? [] : [{ ...table, weight: weights[m]! }]))
    const total = own.reduce((sum, { weight }) => sum + weight, 0)
    for (const { value, width, startOf, weight } of own) {
      const share = total === 0 ? 1 / own.length : weight / total
      if (share === 0) continue
      for (let row = 0; row < n; row++) {
        const from = row * width + startOf[group]!
        const to = row * labels + start
        for (let column = 0; column < end - start; column++) mixed[to + column]! += share * value[from + column]!
      }
    }
  })
  return mixed
}
