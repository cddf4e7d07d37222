import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { root } from './images.ts'

/** What tests ask about a service of docker/compose.yaml. */
export interface ComposeService {
  readonly image?: string
  readonly build?: { readonly context: string; readonly dockerfile: string; readonly target: string }
  readonly command?: readonly string[]
  readonly entrypoint?: unknown
  readonly environment?: Readonly<Record<string, string>>
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly healthcheck?: unknown
  readonly ports?: readonly { readonly host_ip: string }[]
  readonly volumes?: readonly string[]
  readonly read_only?: boolean
  readonly restart?: string
  readonly deploy?: { readonly replicas?: number }
}

interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>
  readonly volumes: Readonly<Record<string, unknown>>
}

const text = readFileSync(`${root}docker/compose.yaml`, 'utf8')

/** `${NAME}`, `${NAME:-default}` or `${NAME:?what to give}`. */
const variable = /\$\{(?<name>\w+)(?::(?<kind>[-?])(?<rest>[^}]*))?\}/g

/** The variables that docker/compose.yaml takes from its .env: null where one must be given, else its default. */
export const composeVariables: ReadonlyMap<string, string | null> = new Map(
  [...text.matchAll(variable)].map(({ groups }) => [groups!.name!, groups!.kind === '?' ? null : (groups!.rest ?? '')]),
)

/** docker/compose.yaml as it is once its variables have values. */
export function readCompose(values: Readonly<Record<string, string>>): ComposeFile {
  const filled = text.replace(variable, (_, name: string, kind: string | undefined, rest: string | undefined) => {
    const value = values[name] ?? ''
    if (value === '' && kind === '?') throw new Error(`${name} is missing: ${rest ?? ''}`)
    return value === '' ? (rest ?? '') : value
  })
  return parse(filled, { merge: true }) as ComposeFile
}
