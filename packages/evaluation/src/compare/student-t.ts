/**
 * Two-sided tail of Student's t: the probability that |T| is at least |t|.
 *
 *   P(|T| ≥ |t|) = I_x(ν/2, ½),  x = ν / (ν + t²)
 *
 * @param degrees ν, from 1.
 * @returns 0 to 1.
 * @see Abramowitz, Stegun: Handbook of Mathematical Functions, 26.7.1 and 26.5.27
 */
export function studentTail(t: number, degrees: number): number {
  return incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5)
}

/**
 * The t that P(|T| ≥ t) = 1 − level, by bisection: the tail falls steadily, and nobody waits for it.
 *
 * @param level Of the interval −t … t, in (0, 1).
 */
export function studentQuantile(level: number, degrees: number): number {
  let [low, high] = [0, 1]
  while (studentTail(high, degrees) > 1 - level) high *= 2
  // Halved until no number lies between.
  for (let middle = high / 2; low < middle && middle < high; middle = low + (high - low) / 2)
    if (studentTail(middle, degrees) > 1 - level) low = middle
    else high = middle
  return high
}

/**
 * The regularised incomplete beta function.
 *
 *   I_x(a, b) = xᵃ (1 − x)ᵇ / (a B(a, b)) · 1/(1 + d₁/(1 + d₂/(1 + …)))
 *   d₂ₘ = m (b − m) x / ((a + 2m − 1)(a + 2m)),  d₂ₘ₊₁ = −(a + m)(a + b + m) x / ((a + 2m)(a + 2m + 1))
 *
 * The fraction is evaluated by Lentz's method. It converges fast below x = (a + 1)/(a + b + 2); above,
 * I_x(a, b) = 1 − I_{1−x}(b, a).
 *
 * @see DLMF 8.17.22 and 8.17.4
 */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a)
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b)) / a
  const tiny = 1e-300 // Instead of 0, which the method divides by.
  let [c, d] = [1, 1 - ((a + b) * x) / (a + 1) || tiny]
  d = 1 / d
  let fraction = d
  for (let m = 1; m < 1000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    let change = 1
    for (const term of [even, odd]) {
      d = 1 / (1 + term * d || tiny)
      c = 1 + term / c || tiny
      change = d * c
      fraction *= change
    }
    if (Math.abs(change - 1) < 1e-16) break
  }
  return front * fraction
}

/**
 * ln Γ(x) for x > 0, to 15 digits.
 *
 * @see Lanczos: A Precision Approximation of the Gamma Function, SIAM J. Numer. Anal. B 1, 1964 (g = 7, n = 9)
 */
function logGamma(x: number): number {
  const terms = [
    676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
    -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ]
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x)
  const series = terms.reduce((sum, term, i) => sum + term / (x + i), 0.99999999999980993)
  const base = x + 6.5
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(base) - base + Math.log(series)
}
