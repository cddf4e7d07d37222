/**
 * Vitest plugin: lets source that starts `new URL('./x.ts', import.meta.url)` in a thread or a child process run
 * under vitest, by bundling that file into node_modules/.cache and pointing the URL there (see bundle.mjs).
 * Files are named by their content, so runs side by side never read each other's half-written ones.
 */
import { createHash, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { bundle, entryUrl, root } from './bundle.mjs'

const cache = path.join(root, 'node_modules/.cache/baton-entries')

/** @returns {import('vite').Plugin} */
export function bundledEntries() {
  return {
    name: 'bundled-entries',
    enforce: 'pre',
    async transform(code, id) {
      if (!id.endsWith('.ts') || id.includes('/node_modules/')) return undefined
      const urls = new Map()
      for (const [text, relative] of code.matchAll(entryUrl)) {
        const { file, inputs } = await bundleToCache(path.resolve(path.dirname(id), relative))
        for (const input of inputs) this.addWatchFile(input)
        urls.set(text, `new URL(${JSON.stringify(pathToFileURL(file).href)})`)
      }
      return urls.size === 0 ? undefined : { code: code.replace(entryUrl, (text) => urls.get(text)), map: null }
    },
  }
}

/** Bundles one entry into a folder of the cache that is named by what is in it. */
async function bundleToCache(entry) {
  const { outputFiles, metafile } = await bundle([entry], { outdir: cache, sourcemap: 'inline' })
  const hash = createHash('sha256')
  for (const file of outputFiles) hash.update(file.path).update(file.contents)
  const folder = path.join(cache, hash.digest('hex').slice(0, 16))
  if (!existsSync(folder)) await writeWhole(folder, outputFiles)
  return {
    file: path.join(folder, `${path.basename(entry, '.ts')}.js`),
    inputs: Object.keys(metafile.inputs).map((input) => path.resolve(input)),
  }
}

async function writeWhole(folder, files) {
  const draft = `${folder}.${randomUUID()}`
  await mkdir(draft, { recursive: true })
  await Promise.all(files.map((file) => writeFile(path.join(draft, path.basename(file.path)), file.contents)))
  await rename(draft, folder).catch((error) => {
    // Another run was first with the same content.
    if (!existsSync(folder)) throw error
  })
}
