import { runService } from '@baton/service'
import { startCoordinator } from './start-coordinator.ts'

await runService('coordinator', ({ config, ...services }) =>
  startCoordinator({ ...services, times: config.lease, auditDays: config.audit.days, retention: config.retention }),
)
