import { createHash } from 'node:crypto'
import { realpath, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { versionOf } from './bind.ts'
import { makeOnce } from './cache.ts'
import { sessionOptionsHeader } from './graph-passes.ts'
import { FRAMEWORK, LIBRARY } from './python.ts'
import { run } from './run.ts'

const require = createRequire(import.meta.url)

const COMPILERS = ['g++', 'c++', 'clang++']

/**
 * The C++ compiler to use: `CXX`, or the first on PATH.
 *
 * @throws {Error} when there is none
 */
export async function findCompiler(): Promise<string> {
  const candidates = process.env.CXX ? [process.env.CXX] : COMPILERS
  for (const candidate of candidates)
    if (
      await run(candidate, ['--version']).then(
        () => true,
        () => false,
      )
    )
      return candidate
  throw new Error(`there is no C++ compiler (looked for ${candidates.join(', ')})`)
}

/**
 * tfjs-node's native module, compiled against the TensorFlow in `library` and linked to it by its path.
 *
 * Cached by everything that goes into it: tfjs-node, Node's ABI, what is added here, and the library file itself, so a
 * TensorFlow that is upgraded in place gets a new one.
 *
 * @param library Folder with `libtensorflow_cc.so.2`, `libtensorflow_framework.so.2` and `include`.
 * @returns Path of `tfjs_binding.node`.
 */
export async function compileBinding(cache: string, library: string): Promise<string> {
  const compiler = await findCompiler()
  const folder = await makeOnce(path.join(cache, `binding-${await keyOf(library)}`), (draft) =>
    compile(compiler, library, draft),
  )
  return path.join(folder, 'tfjs_binding.node')
}

async function keyOf(library: string): Promise<string> {
  const file = await realpath(path.join(library, LIBRARY))
  const { size, mtimeMs } = await stat(file)
  const versions = [versionOf('@tensorflow/tfjs-node'), process.versions.modules, process.arch]
  const parts = [...versions, sessionOptionsHeader, file, size, mtimeMs]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16)
}

/** Each file on its own, so that they compile side by side. `-O1`: the module only passes calls on. */
async function compile(compiler: string, library: string, draft: string): Promise<void> {
  const sources = path.join(path.dirname(require.resolve('@tensorflow/tfjs-node/package.json')), 'binding')
  const includes = [
    path.join(library, 'include'),
    path.join(path.dirname(require.resolve('node-api-headers/package.json')), 'include'),
  ]
  const header = path.join(draft, 'session-options.h')
  await writeFile(header, sessionOptionsHeader)
  const flags = ['-fPIC', '-O1', '-std=c++17', '-DNAPI_VERSION=8', '-DBUILDING_NODE_EXTENSION']
  const objects = await Promise.all(
    ['tfjs_backend', 'tfjs_binding'].map(async (name) => {
      const object = path.join(draft, `${name}.o`)
      await run(compiler, [
        '-c',
        ...flags,
        ...includes.map((folder) => `-I${folder}`),
        '-include',
        header,
        path.join(sources, `${name}.cc`),
        '-o',
        object,
      ])
      return object
    }),
  )
  const libraries = [`-L${library}`, `-l:${LIBRARY}`, `-l:${FRAMEWORK}`, `-Wl,-rpath,${library}`]
  await run(compiler, ['-shared', ...objects, ...libraries, '-o', path.join(draft, 'tfjs_binding.node')])
  await Promise.all([...objects, header].map((file) => rm(file)))
}
