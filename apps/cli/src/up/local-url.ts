import type { Config } from '@baton/config'

/** Where this machine itself reaches the API, whatever name it has outside. */
export function localUrl({ host, port }: Config['http']): string {
  if (host === '0.0.0.0' || host === '::') return `http://127.0.0.1:${port}`
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}
