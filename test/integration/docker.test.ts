import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire, isBuiltin } from 'node:module'
import path from 'node:path'
import { loadConfig } from '@baton/config'
import { readWorkerConfig } from '@baton/worker'
import { build } from 'esbuild'
import { describe, expect, test } from 'vitest'
import { composeVariables, readCompose } from '../support/compose.ts'
import { distOf } from '../support/dist.ts'
import type { App } from '../support/dist.ts'
import { bases, imageOf, root } from '../support/images.ts'
import { productionPackages } from '../support/production-packages.ts'

const require = createRequire(import.meta.url)
const apps: readonly App[] = ['api', 'coordinator', 'bot', 'worker']
const services = apps.filter((app) => app !== 'worker')
const read = (file: string) => readFileSync(path.join(root, file), 'utf8')
/** A version to the point that its maker does not change what it names. */
const exactTag = /:v?\d+\.\d+(\.\d+)?(-[\w.-]+)?$/

describe('docker/Dockerfile', () => {
  const hadolint = spawnSync('hadolint', ['--version']).status === 0
  test.skipIf(!hadolint)('has nothing that hadolint warns of', () => {
    const { stdout, status } = spawnSync('hadolint', ['docker/Dockerfile'], { cwd: root, encoding: 'utf8' })
    expect({ stdout, status }).toEqual({ stdout: '', status: 0 })
  })

  test('stands on exact versions', () => {
    expect(bases.length).toBeGreaterThan(0)
    for (const base of bases) expect(base).toMatch(exactTag)
  })

  test.each(apps)('%s runs its bundle as nobody in particular, and hears SIGTERM itself', (app) => {
    const image = imageOf(app)
    expect(image.command).toEqual(['node', `apps/${app}/dist/main.js`])
    expect(image.user).toMatch(/^[1-9]\d*:[1-9]\d*$/)
    expect(image.stopSignal).toBe('SIGTERM')
    expect(image.labels['org.opencontainers.image.title']).toBe(`baton-${app}`)
  })

  test.each(services)('%s says whether it is well', (app) => expect(imageOf(app).health?.[0]).toBe('node'))

  test.each(apps)('%s takes from the repository only what is there and .dockerignore lets in', (app) => {
    const allowed = read('.dockerignore').match(/(?<=^!).+$/gm) ?? []
    for (const source of imageOf(app).fromContext) {
      expect(existsSync(path.join(root, source)), source).toBe(true)
      expect(
        allowed.some((folder) => source === folder || source.startsWith(`${folder}/`)),
        source,
      ).toBe(true)
    }
  })

  test.each(apps)('%s holds every npm package that its bundle imports, and none for development', async (app) => {
    const { packages } = imageOf(app)
    const install = imageOf(packages!).runs.at(-1)
    expect(install).toMatch(/npm ci --omit=dev /)
    expect(install).toContain(`--workspace=apps/${app} `)
    const imported = await npmImports(distOf(app))
    expect(imported.size).toBeGreaterThan(0)
    expect([...imported].filter((name) => !productionPackages(`apps/${app}`).has(name))).toEqual([])
  })

  test('the worker has the TensorFlow that packages/tensorflow fetches', () => {
    const version = /^export const WHEEL_VERSION = '(.+)'$/m.exec(read('packages/tensorflow/src/wheel.ts'))?.[1]
    expect(imageOf('worker').runs.join('\n')).toContain(`'tensorflow[and-cuda]==${version}' `)
  })
})

describe('docker/compose.yaml', () => {
  const given = Object.fromEntries([...composeVariables.keys()].map((name) => [name, sampleOf(name)]))
  const compose = readCompose(given)
  const entries = Object.entries(compose.services)
  const built = entries.filter(([, service]) => service.build)

  test('is what the schema of compose files allows, and has nothing that dclint warns of', () => {
    const program = path.join(path.dirname(require.resolve('dclint/package.json')), 'bin/dclint.cjs')
    const dclint = [program, '--config', 'docker/.dclintrc.yaml', '--max-warnings', '0']
    const { stdout, status } = spawnSync(process.execPath, [...dclint, 'docker/compose.yaml'], {
      cwd: root,
      encoding: 'utf8',
    })
    expect({ stdout: stdout.trim(), status }).toEqual({ stdout: '', status: 0 })
  })

  test('builds each image from a target of the Dockerfile, and changes neither its program nor its user', () => {
    expect(built.map(([name]) => name).sort()).toEqual([...apps].sort())
    for (const [name, service] of built) {
      expect(service.build).toEqual({ context: '..', dockerfile: 'docker/Dockerfile', target: name })
      expect(Object.keys(service)).not.toEqual(expect.arrayContaining(['command', 'entrypoint', 'user']))
    }
  })

  test('runs images of others by exact versions', () => {
    for (const [name, { image }] of entries.filter(([, service]) => !service.build))
      expect(image, name).toMatch(exactTag)
  })

  test('waits for health only of services that have a check', () => {
    for (const [name, { depends_on: needs = {} }] of entries)
      for (const [other, { condition }] of Object.entries(needs)) {
        const service = compose.services[other]
        expect(service, `${name} needs ${other}`).toBeDefined()
        const hasCheck = service?.healthcheck !== undefined || (service?.build && imageOf(other).health !== null)
        if (condition === 'service_healthy') expect(hasCheck, `${name} waits for ${other}`).toBe(true)
      }
  })

  test('declares every volume that it mounts, and mounts every one that it declares', () => {
    const sources = entries.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0]!))
    const named = sources.filter((source) => !source.startsWith('.'))
    expect(new Set(named)).toEqual(new Set(Object.keys(compose.volumes)))
    for (const source of sources.filter((one) => one.startsWith('.')))
      expect(existsSync(path.join(root, 'docker', source)), source).toBe(true)
  })

  test('keeps Redis as BullMQ needs it', () => {
    const command = compose.services.redis!.command!.join(' ')
    expect(command).toContain('--appendonly yes')
    expect(command).toContain('--maxmemory-policy noeviction')
  })

  test('publishes nothing beyond this machine unless told to', () => {
    const published = Object.values(readCompose({ ...given, PUBLISH_ON: '' }).services).flatMap(
      ({ ports = [] }) => ports,
    )
    expect(published.map((port) => port.host_ip)).toEqual(['127.0.0.1', '127.0.0.1'])
  })

  test('takes from .env what .env.example names, no less and no more', () => {
    const named = read('docker/.env.example').match(/^\w+(?==)/gm) ?? []
    expect(named.sort()).toEqual([...composeVariables.keys()].sort())
  })

  test('has no default for a secret, and .env.example gives none', () => {
    const secrets = [...composeVariables].filter(([name]) => /PASSWORD|SECRET|TOKEN|ACCESS_KEY/.test(name))
    // Null: compose refuses to start without. Empty: what reads it does without, or says that it lacks.
    for (const [name, fallback] of secrets) expect(fallback ?? '', name).toBe('')
    for (const [name] of secrets) expect(read('docker/.env.example')).toMatch(new RegExp(`^${name}=$`, 'm'))
  })

  test.each(services)('gives %s a configuration that it accepts whole', (app) => {
    const environment = { ...imageOf(app).env, ...compose.services[app]!.environment }
    const config = loadConfig(environment)
    expect(config.database.url).not.toBeNull()
    expect(config.queue.url?.reveal()).toMatch(/^redis:/)
    expect(config.storage).not.toBeNull()
    expect(unknownTo(read('packages/config/src/sections.ts'), environment)).toEqual([])
  })

  test('gives the worker settings that it accepts whole', () => {
    const environment = { ...imageOf('worker').env, ...compose.services.worker!.environment }
    expect(readWorkerConfig(environment)).toMatchObject({ provider: 'container', cacheDir: '/var/cache/baton' })
    expect(unknownTo(read('apps/worker/src/config.ts'), environment)).toEqual([])
  })
})

test('docs/docker.md says what each variable does, and names none that nobody reads', () => {
  const documented = read('docs/docker.md').match(/(?<=^\| `)[A-Z][A-Z0-9_]+(?=`)/gm) ?? []
  const sources = ['packages/config/src/sections.ts', 'apps/worker/src/config.ts']
  const readByBaton = sources.flatMap((file) => variablesIn(read(file)))
  expect(documented.sort()).toEqual([...new Set([...readByBaton, ...composeVariables.keys()])].sort())
})

/** Keys of the schemas in a file that reads the environment. */
function variablesIn(source: string): string[] {
  return [...source.matchAll(/(?<=[\s{])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?=: )/g)].map(([name]) => name)
}

/** By NVIDIA's container runtime, which lends the host's GPUs and driver. */
const readByNvidia = ['NVIDIA_VISIBLE_DEVICES', 'NVIDIA_DRIVER_CAPABILITIES']

function unknownTo(source: string, environment: Readonly<Record<string, string>>): string[] {
  const known = new Set([...variablesIn(source), 'NODE_ENV', ...readByNvidia])
  return Object.keys(environment).filter((name) => !known.has(name))
}

/** A value that a variable of .env may have. */
function sampleOf(name: string): string {
  if (/_(SECONDS|DAYS)$/.test(name)) return composeVariables.get(name) ?? ''
  if (/URL|ENDPOINT/.test(name)) return 'https://baton.example.org'
  if (name === 'PUBLISH_ON') return '0.0.0.0'
  if (name === 'BATON_LOG_LEVEL') return 'info'
  if (name === 'BATON_LEASE_SECONDS') return '60'
  if (name === 'BATON_HEARTBEAT_SECONDS') return '15'
  if (name === 'OTEL_EXPORTER_OTLP_HEADERS') return 'authorization=Bearer%20abcdef'
  if (name === 'BATON_TELEGRAM_TOKEN') return '123456:AAaaBBbbCCccDDddEEeeFFff'
  return 'abcdefabcdefabcdefabcdef'
}

/** Names of the npm packages that the bundles of a folder import or require. */
async function npmImports(dist: string): Promise<Set<string>> {
  const files = readdirSync(dist).filter((file) => file.endsWith('.js'))
  const entryPoints = files.map((file) => path.join(dist, file))
  const { metafile } = await build({
    entryPoints,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    metafile: true,
    write: false,
    outdir: dist,
    logLevel: 'silent',
  })
  const imports = Object.values(metafile.inputs).flatMap((input) => input.imports)
  const outside = imports.filter((one) => one.external && !isBuiltin(one.path)).map((one) => one.path)
  return new Set(outside.map((id) => id.split('/', id.startsWith('@') ? 2 : 1).join('/')))
}
