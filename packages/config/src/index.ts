export { loadClientConfig, loadConfig } from './load-config.ts'
export type { ClientConfig, Config, Env } from './load-config.ts'
export { Secret } from './secret.ts'
