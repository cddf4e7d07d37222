/**
 * Bundles the app in the current folder into dist/: `src/main.ts`, whatever package.json lists under
 * `"baton": { "entries": ["src/other.ts"] }`, and every thread or child process file these start (bundle.mjs
 * has the convention). Run by `npm run build`; an app without src/main.ts is passed over.
 */
import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { bundle } from './bundle.mjs'

const app = process.cwd()
const manifest = JSON.parse(await readFile(path.join(app, 'package.json'), 'utf8'))
const outdir = path.join(app, 'dist')

if (!existsSync('src/main.ts')) {
  console.log(`${manifest.name}: no src/main.ts, nothing to build`)
} else {
  const entries = ['src/main.ts', ...(manifest.baton?.entries ?? [])].map((entry) => path.resolve(app, entry))
  const { outputFiles } = await bundle(entries, { outdir })
  await rm(outdir, { recursive: true, force: true })
  await mkdir(outdir, { recursive: true })
  await Promise.all(outputFiles.map((file) => writeFile(file.path, file.contents)))
  await chmod(path.join(outdir, 'main.js'), 0o755)
}
