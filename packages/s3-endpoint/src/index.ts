export { createS3Endpoint } from './endpoint.ts'
export type { S3Endpoint, S3EndpointOptions } from './endpoint.ts'
export type { Credentials } from './auth/authenticate.ts'
export type { EndpointLog } from './context.ts'
