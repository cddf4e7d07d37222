/** So many models are put into the bag, so weights are twentieths. */
const rounds = 20

/**
 * Weights of models, by greedy forward selection with replacement.
 *
 *   begin with an empty bag; twenty times put in the model with which the bag scores best, again if need be;
 *   w_m = how often m is in the bag, of the rounds whose bag scored best, / its size
 *
 * Of models that score alike the first is put in, of bags the smallest is taken: nothing is left to chance.
 *
 * @param scoreOf Score of a blend with these weights; higher is better.
 * @returns Not negative, 1 together. [models]
 * @see Caruana, Niculescu-Mizil, Crew, Ksikes: Ensemble Selection from Libraries of Models, ICML 2004, section 2
 */
export function selectWeights(models: number, scoreOf: (weights: readonly number[]) => number): number[] {
  const inBag = new Array<number>(models).fill(0)
  let best: { score: number; weights: number[] } | null = null
  for (let size = 1; size <= rounds; size++) {
    let added: { score: number; model: number } | null = null
    for (let model = 0; model < models; model++) {
      const score = scoreOf(weightsOf(inBag.with(model, inBag[model]! + 1)))
      if (added === null || score > added.score) added = { score, model }
    }
    inBag[added!.model]!++
    if (best === null || added!.score > best.score) best = { score: added!.score, weights: weightsOf(inBag) }
  }
  return best!.weights
}

function weightsOf(inBag: readonly number[]): number[] {
  const size = inBag.reduce((sum, count) => sum + count, 0)
  return inBag.map((count) => count / size)
}
