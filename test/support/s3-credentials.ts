/** Credentials of the stores that tests start. */
export const credentials = { accessKeyId: 'tester', secretAccessKey: 'known-to-tests-only' }
export const region = 'us-east-1'
