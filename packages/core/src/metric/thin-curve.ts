interface Point {
  readonly step: number
  readonly value: number
}

/**
 * A curve of at most `count` points that looks like the whole one: largest triangle three buckets. Between the first
 * and the last point it takes of each bucket i the point b that spans the largest triangle with the point a taken of
 * the bucket before and the mean c of the bucket after,
 *
 *   A(b) = ½ |(a.step − c.step)(b.value − a.value) − (a.step − b.step)(c.value − a.value)|
 *
 * The lowest and the highest point, which the triangles may miss, are kept beside them: they are what one looks for.
 *
 * @param points In the order of their steps.
 * @param count At least 4.
 * @see Steinarsson, Downsampling Time Series for Visual Representation (2013), section 4.2
 */
export function thinCurve<P extends Point>(points: readonly P[], count: number): P[] {
  if (points.length <= count) return [...points]
  const kept = new Set(largestTriangles(points, count - 2))
  for (const extreme of extremesOf(points)) kept.add(extreme)
  return [...kept].sort((a, b) => a - b).map((index) => points[index]!)
}

/** Indices of the points that the triangles choose, first and last among them. */
function largestTriangles(points: readonly Point[], count: number): number[] {
  const last = points.length - 1
  const chosen = [0]
  // Bucket i holds the inner points from edge(i) to edge(i + 1); the last point is a bucket of its own.
  const width = (points.length - 2) / (count - 2)
  const edge = (bucket: number) => Math.min(last, Math.floor(bucket * width) + 1)
  for (let bucket = 0; bucket < count - 2; bucket++) {
    const a = points[chosen.at(-1)!]!
    const c = meanOf(points, edge(bucket + 1), bucket === count - 3 ? last + 1 : edge(bucket + 2))
    const area = ({ step, value }: Point) =>
      Math.abs((a.step - c.step) * (value - a.value) - (a.step - step) * (c.value - a.value)) / 2
    chosen.push(indexOfMost(points, edge(bucket), edge(bucket + 1), area))
  }
  return [...chosen, last]
}

function meanOf(points: readonly Point[], from: number, to: number): Point {
  let [step, value] = [0, 0]
  for (let i = from; i < to; i++) {
    step += points[i]!.step
    value += points[i]!.value
  }
  return { step: step / (to - from), value: value / (to - from) }
}

function extremesOf(points: readonly Point[]): number[] {
  return [({ value }: Point) => value, ({ value }: Point) => -value].map((rank) =>
    indexOfMost(points, 0, points.length, rank),
  )
}

/** The first of the points from `from` to before `to` that ranks highest. */
function indexOfMost(points: readonly Point[], from: number, to: number, rank: (point: Point) => number): number {
  let [best, most] = [from, -Infinity]
  for (let i = from; i < to; i++) {
    const value = rank(points[i]!)
    if (value > most) [best, most] = [i, value]
  }
  return best
}
