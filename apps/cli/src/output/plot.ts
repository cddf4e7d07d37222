const eighths = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const

/**
 * Values as columns of blocks, the highest as tall as the plot, 0 at its foot.
 *
 * @param values At least 0, one a column.
 * @param rows Lines of the plot; each is told apart in eighths.
 */
export function plotLines(values: readonly number[], rows = 4): string[] {
  const top = Math.max(...values, Number.MIN_VALUE)
  // Something that is not 0 is seen, however small.
  const heights = values.map((value) => (value > 0 ? Math.max(1, Math.round((value / top) * rows * 8)) : 0))
  return Array.from({ length: rows }, (_, line) => {
    const foot = (rows - 1 - line) * 8
    return heights.map((height) => eighths[Math.min(8, Math.max(0, height - foot))]!).join('')
  })
}
