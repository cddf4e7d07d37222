/** Part of the way from start to end that lies behind t; 0 before the start, 1 from the end on and where there is no way. */
export function progressOver(t: number, start: number, end: number): number {
  return t >= end ? 1 : Math.max(0, (t - start) / (end - start))
}
