/** Bundles `bench/main.ts` and runs it with what stands after the script's name: Node 20 cannot run TypeScript. */
import { spawnSync } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { bundle, root } from './bundle.mjs'

// In the cli's folder, from where every package that Baton depends on is found.
const outdir = path.join(root, 'apps/cli/dist/bench')
const { outputFiles } = await bundle([path.join(root, 'bench/main.ts')], { outdir })
await rm(outdir, { recursive: true, force: true })
await mkdir(outdir, { recursive: true })
await Promise.all(outputFiles.map((file) => writeFile(file.path, file.contents)))

const { status } = spawnSync(process.execPath, [path.join(outdir, 'main.js'), ...process.argv.slice(2)], {
  stdio: 'inherit',
})
process.exit(status ?? 1)
