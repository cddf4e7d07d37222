/**
 * Bundles a TypeScript file and runs it with what stands after its name: Node 20 cannot run TypeScript.
 *
 *     node scripts/run-bundled.mjs bench/main.ts dispatch
 */
import { spawnSync } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { bundle, root } from './bundle.mjs'

const [entry, ...args] = process.argv.slice(2)
const name = path.basename(entry, '.ts')
// In the cli's folder, from where every package that Baton depends on is found.
const outdir = path.join(root, 'apps/cli/dist', `run-${name}`)
const { outputFiles } = await bundle([path.join(root, entry)], { outdir })
await rm(outdir, { recursive: true, force: true })
await mkdir(outdir, { recursive: true })
await Promise.all(outputFiles.map((file) => writeFile(file.path, file.contents)))

const { status } = spawnSync(process.execPath, [path.join(outdir, `${name}.js`), ...args], { stdio: 'inherit' })
process.exit(status ?? 1)
