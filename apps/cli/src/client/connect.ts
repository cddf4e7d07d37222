import { readFile } from 'node:fs/promises'
import { loadClientConfig, Secret } from '@baton/config'
import type { ClientConfig } from '@baton/config'
import { allPages, AppError, createClient, isAppError } from '@baton/contracts'
import type { Client } from '@baton/contracts'
import { UsageError } from '../exit.ts'
import type { Io } from '../io.ts'
import { ownerTokenFile } from './owner-token.ts'

export interface Connection {
  readonly api: Client
  readonly url: string
  readonly config: ClientConfig
}

/**
 * The API as the environment names it: BATON_URL, and BATON_TOKEN or the token that `baton up` left on this machine.
 *
 * @throws {AppError} `config-invalid`, `unauthenticated` when there is no token
 */
export async function connect(io: Io): Promise<Connection> {
  const config = loadClientConfig(io.env)
  const token = config.client.token ?? (await readOwnerToken(config.data.dir))
  const { url } = config.client
  return { api: createClient({ url, token: token.reveal(), fetch: fetchFrom(url) }), url, config }
}

async function readOwnerToken(dataDir: string): Promise<Secret> {
  const file = ownerTokenFile(dataDir)
  try {
    return new Secret((await readFile(file, 'utf8')).trim())
  } catch (cause) {
    const detail = `BATON_TOKEN is not set, and ${file}, which \`baton up\` writes, cannot be read`
    throw new AppError('unauthenticated', {}, { detail, cause })
  }
}

/** `fetch` that says, when nobody answers, who did not and what that most likely means. */
function fetchFrom(url: string): typeof fetch {
  return async (input, init) => {
    try {
      return await fetch(input, init)
    } catch (cause) {
      if (init?.signal?.aborted) throw cause
      throw new NoAnswer(`nothing answers at ${url}: start Baton with \`baton up\`, or set BATON_URL`, { cause })
    }
  }
}

class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
}

/** The problem with the plainest words for it: that nobody answers is said with the address. */
export function explained(error: unknown): unknown {
  if (!isAppError(error, 'unavailable') || !(error.cause instanceof NoAnswer)) return error
  return new AppError('unavailable', error.facts, { detail: error.cause.message, cause: error.cause })
}

/**
 * The project that a command is about: the one named, else BATON_PROJECT, else the only one there is.
 *
 * @throws {UsageError} when none is named and there is not exactly one
 */
export async function chooseProject({ api, config }: Connection, named: string | undefined): Promise<string> {
  const project = named ?? config.client.project
  if (project !== null && project !== undefined) return project
  const projects = await allPages(api.listProjects, {})
  const [only, ...others] = projects
  if (only && others.length === 0) return only.slug
  if (!only) throw new UsageError('there is no project yet; make one with `baton project create <name>`')
  throw new UsageError(`name a project with --project or BATON_PROJECT: ${projects.map(({ slug }) => slug).join(', ')}`)
}
