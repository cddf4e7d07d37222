export { startMetrics } from './start-metrics.ts'
export type { RunningMetrics } from './start-metrics.ts'
export type { RequestMeter } from './request-metrics.ts'
