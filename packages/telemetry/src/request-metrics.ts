import { routes } from '@baton/contracts'
import type { RouteName } from '@baton/contracts'
import { Counter, Histogram } from 'prom-client'
import type { Registry } from 'prom-client'

/** Told of requests by the API. */
export interface RequestMeter {
  /**
   * A request was answered.
   * @param route The path as the route table has it, never the address that was called: labels stay few.
   */
  answered(request: { method: string; route: string | undefined; status: number; seconds: number }): void
  /** A route of the table did what was asked. */
  done(name: RouteName, body: unknown): void
}

/** From what a heartbeat takes to what a long poll waits. */
const secondsBuckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30]

const paths = new Set(Object.values(routes).map(({ path }) => path as string))

export function requestMeter(register: Registry): RequestMeter {
  const registers = [register]
  const durations = new Histogram({
    name: 'baton_http_request_duration_seconds',
    help: 'Time from a request to its answer, by route and status. Leases are long polls.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: secondsBuckets,
    registers,
  })
  const counter = (name: string, help: string) => new Counter({ name, help, registers })
  const leases = counter('baton_leases_granted_total', 'Folds that this process leased to sessions.')
  const heartbeats = counter('baton_heartbeats_total', 'Heartbeats that renewed a lease at this process.')
  const checkpoints = counter('baton_checkpoints_committed_total', 'Checkpoints committed at this process.')
  const experiments = counter('baton_experiments_accepted_total', 'Experiments accepted at this process.')
  return {
    answered: ({ method, route, status, seconds }) =>
      durations.observe(
        { method, route: route !== undefined && paths.has(route) ? route : 'other', status: String(status) },
        seconds,
      ),
    done: (name, body) => {
      if (name === 'acquireLease' && (body as { lease: unknown }).lease !== null) leases.inc()
      if (name === 'heartbeat') heartbeats.inc()
      if (name === 'recordCheckpoint') checkpoints.inc()
      if (name === 'createExperiment') experiments.inc()
    },
  }
}
