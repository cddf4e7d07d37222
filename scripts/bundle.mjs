/**
 * Bundles TypeScript entry files for Node: workspace packages are inlined, npm packages stay imports.
 *
 * A file that runs in a worker thread or a child process is named where it is started, by exactly
 *
 *     new URL('./write-thread.ts', import.meta.url)
 *
 * and needs no other mention. Node 20 cannot run TypeScript, so whoever loads that source points the URL at a
 * bundle: `build-app.mjs` at one more entry of the app's dist folder, `vitest-entries.mjs` at one in a cache.
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** `new URL('./name.ts', import.meta.url)`, the path in group 1. */
export const entryUrl = /new URL\(\s*['"](\.{1,2}\/[^'"]+\.ts)['"],\s*import\.meta\.url,?\s*\)/g

/**
 * Bundles the entry files, and every file that they start by `new URL('./x.ts', import.meta.url)`, into one
 * flat folder, so that from any file there `./<name>.js` is right.
 *
 * @param {string[]} entries absolute paths; two of one app's own must differ in their base names
 * @param {import('esbuild').BuildOptions & { outdir: string }} options laid over the common ones
 * @returns what esbuild says about the last pass
 */
export async function bundle(entries, options) {
  const names = new Map(entries.map((entry) => [entry, path.basename(entry, '.ts')]))
  for (;;) {
    const known = names.size
    const result = await build({
      entryPoints: [...names].map(([input, out]) => ({ in: input, out })),
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      sourcemap: true,
      splitting: true,
      chunkNames: 'chunk-[hash]',
      metafile: true,
      write: false,
      logLevel: 'warning',
      ...options,
      plugins: [npmStaysOutside(options.outdir), pointUrlsAtBundles(names)],
    })
    if (names.size === known) return result
  }
}

/** Leaves imports of npm packages as they are, once sure that the bundle will find the same copy as the source. */
function npmStaysOutside(outdir) {
  return {
    name: 'npm-stays-outside',
    setup({ onResolve }) {
      onResolve({ filter: /^[^./]/ }, ({ path: id, resolveDir, kind }) => {
        if (kind === 'entry-point' || id.startsWith('@baton/')) return undefined
        if (isBuiltin(id)) return { path: id, external: true }
        const name = id.split('/', id.startsWith('@') ? 2 : 1).join('/')
        const [wanted, found] = [installed(name, resolveDir), installed(name, outdir)]
        if (wanted && wanted === found) return { path: id, external: true }
        const text = `${name} is ${wanted ?? 'not installed'} for ${resolveDir} but ${found ?? 'not found'} from ${outdir}`
        return { errors: [{ text: `${text}; give every package.json the same version` }] }
      })
    },
  }
}

/** The folder that `import name` finds from a file in `from`. */
function installed(name, from) {
  for (let dir = from; ; dir = path.dirname(dir)) {
    const candidate = path.join(dir, 'node_modules', name)
    if (existsSync(candidate)) return candidate
    if (dir === path.dirname(dir)) return undefined
  }
}

/** Rewrites entry URLs to the flat names of their bundles, and adds those files to `names` for the next pass. */
function pointUrlsAtBundles(names) {
  return {
    name: 'point-urls-at-bundles',
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, async ({ path: file }) => {
        if (file.includes('/node_modules/')) return undefined
        const source = await readFile(file, 'utf8')
        const contents = source.replace(entryUrl, (_, relative) => {
          const target = path.resolve(path.dirname(file), relative)
          if (!names.has(target)) names.set(target, flatName(target))
          return `new URL('./${names.get(target)}.js', import.meta.url)`
        })
        return { contents, loader: 'ts' }
      })
    },
  }
}

/** `packages/trainer/src/checkpoint/write-thread.ts` becomes `trainer-checkpoint-write-thread`. */
function flatName(file) {
  const parts = path.relative(root, file).replace(/\.ts$/, '').split(path.sep)
  return parts.filter((part) => !['packages', 'apps', 'src', '..'].includes(part)).join('-')
}
