import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { freePort } from '@baton/testing'
import { vi } from 'vitest'
import { credentials } from './s3-credentials.ts'

/** The versitygw program, another S3 to compare with: named by VERSITYGW, or on the PATH; null where there is none. */
export function findVersitygw(): string | null {
  const program = process.env.VERSITYGW ?? 'versitygw'
  return spawnSync(program, ['--version']).status === 0 ? program : null
}

/** Starts it on a folder; its file system must have extended attributes. */
export async function startVersitygw(program: string, directory: string) {
  const address = `127.0.0.1:${await freePort()}`
  mkdirSync(`${directory}/data`, { recursive: true })
  const child = spawn(program, ['--port', address, '--keep-alive', '--quiet', 'posix', `${directory}/data`], {
    cwd: directory,
    stdio: 'ignore',
    // The program may be named by its name alone.
    env: {
      PATH: process.env.PATH,
      ROOT_ACCESS_KEY: credentials.accessKeyId,
      ROOT_SECRET_KEY: credentials.secretAccessKey,
    },
  })
  const url = `http://${address}`
  await vi.waitFor(() => fetch(url), { timeout: 20_000, interval: 50 })
  return {
    url,
    async close() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}
