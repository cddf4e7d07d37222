/** The version that health and OpenAPI name. */
export const version = '0.1.0'
