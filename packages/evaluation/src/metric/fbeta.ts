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
