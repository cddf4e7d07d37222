/**
 * F-beta of one sample from its counts.
 *
 *   F = (1+β²)·TP / (β²·(TP + FN) + (TP + FP)),  0 if the denominator is 0
 *
 * @param truePositive Labels both predicted and actual.
 * @param predicted Labels predicted, TP + FP.
 * @param actual Labels it has, TP + FN.
 * @returns 0 to 1, higher is better.
 */
export function fbeta(truePositive: number, predicted: number, actual: number, beta: number): number {
  const denominator = beta * beta * actual + predicted
  return denominator === 0 ? 0 : ((1 + beta * beta) * truePositive) / denominator
}

/**
 * F-beta averaged over samples: scikit-learn's `fbeta_score(average='samples', zero_division=0)`.
 *
 * A sample without labels that is given none counts 0, as there.
 *
 * @param predicted 0 or 1. [n, labels]
 * @param actual 0 or 1. [n, labels]
 * @returns 0 to 1, higher is better; 0 without samples.
 */
export function fbetaSamples(predicted: Uint8Array, actual: Uint8Array, labels: number, beta: number): number {
  const n = actual.length / labels
  let sum = 0
  for (let row = 0; row < n; row++) {
    let both = 0
    let given = 0
    let has = 0
    for (let i = row * labels; i < (row + 1) * labels; i++) {
      both += predicted[i]! & actual[i]!
      given += predicted[i]!
      has += actual[i]!
    }
    sum += fbeta(both, given, has, beta)
  }
  return n === 0 ? 0 : sum / n
}
