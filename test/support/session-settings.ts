import type { SessionOptions } from '@baton/worker'
import type { FakeApi } from './fake-api.ts'

/** A session on this machine that ends as soon as it has nothing to do. */
export function sessionSettings(api: Pick<FakeApi, 'url' | 'issueEnrolment'>) {
  return {
    url: api.url,
    enrolmentToken: api.issueEnrolment(),
    provider: 'local',
    name: 'test',
    accelerator: null,
    memoryBytes: null,
    pools: ['default'],
    secondsLeft: null,
    threads: 1,
    dataThreads: 1,
    maxIdleSeconds: 0,
    pollSeconds: 0.01,
  } satisfies Partial<SessionOptions>
}
