import { expect, test } from 'vitest'
import { normalQuantile } from './noise.ts'

test('quantiles are those of the normal distribution', () => {
  // scipy.stats.norm.ppf
  const known: [number, number][] = [
    [1e-6, -4.753424308822899],
    [0.02, -2.053748910631823],
    [0.3, -0.5244005127080409],
    [0.5, 0],
    [0.975, 1.959963984540054],
    [0.99999, 4.264890793922602],
  ]
  for (const [p, z] of known) expect(Math.abs(normalQuantile(p) - z)).toBeLessThan(1e-8)
})
