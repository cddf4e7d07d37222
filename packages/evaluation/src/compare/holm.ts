/**
 * P values of several tests, corrected so that the probability to call any difference real that is none stays what it is
 * for one test, however they depend on each other.
 *
 *   p̃₍ᵢ₎ = max over j ≤ i of min(1, (m − j + 1) p₍ⱼ₎),  p₍₁₎ ≤ … ≤ p₍ₘ₎
 *
 * @returns Corrected values in the order of the given ones. [m]
 * @see Holm: A Simple Sequentially Rejective Multiple Test Procedure, Scand. J. Statistics 6, 1979
 */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((p, i) => ({ p, i })).sort((a, b) => a.p - b.p)
  const corrected = new Array<number>(pValues.length)
  let highest = 0
  order.forEach(({ p, i }, before) => {
    highest = Math.max(highest, Math.min(1, (pValues.length - before) * p))
    corrected[i] = highest
  })
  return corrected
}
