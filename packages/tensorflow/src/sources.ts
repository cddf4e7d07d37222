import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { versionOf } from './bind.ts'
import { compileBinding, findCompiler } from './compile.ts'
import type { Python } from './python.ts'
import { askPython, libraryOf } from './python.ts'
import { run } from './run.ts'
import type { Log, Source, Works } from './source.ts'
import type { Wheel } from './wheel.ts'
import { chooseWheel, fetchWheel } from './wheel.ts'

/**
 * Where a TensorFlow may come from, best first: the machine's own Python has the one that fits its GPU driver; a
 * fetched wheel comes next; tfjs-node's own library is old and for a CPU; JavaScript runs anywhere.
 *
 * @param cache Folder for what is fetched and compiled.
 */
export function allSources(cache: string): Source[] {
  let asked: Promise<Python> | undefined
  const python = () => (asked ??= askPython())
  return [fromPython(cache, python), fromWheel(cache, python), prebuilt(), javascript()]
}

function fromPython(cache: string, python: () => Promise<Python>): Source {
  return {
    name: 'python',
    inspect: async () => libraryOf(await python()),
    prepare: async (log) => bind(cache, libraryOf(await python()), log),
  }
}

function fromWheel(cache: string, python: () => Promise<Python>): Source {
  const choose = async (): Promise<Wheel> => {
    const wheel = chooseWheel(cache, await hasNvidiaGpu())
    await findCompiler()
    if (!existsSync(wheel.library) && !(await python()).hasPip)
      throw new Error(`${(await python()).executable} has no pip to fetch ${wheel.title} with`)
    return wheel
  }
  return {
    name: 'fetched',
    inspect: async () => {
      const wheel = await choose()
      return existsSync(wheel.library) ? wheel.library : `${wheel.title} can be fetched with pip`
    },
    prepare: async (log) => {
      const wheel = await choose()
      if (!existsSync(wheel.library)) await fetchWheel(wheel, await python(), log)
      return bind(cache, wheel.library, log)
    },
  }
}

/** What tfjs-node's install script downloads, where somebody let it run. */
function prebuilt(): Source {
  const inspect = async (): Promise<string> => {
    const lib = path.join(
      path.dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-node/package.json')),
      'lib',
    )
    const binding = path.join(lib, 'napi-v8', 'tfjs_binding.node')
    if (!existsSync(binding)) throw new Error('the install script of tfjs-node was not run, so it has no library')
    return binding
  }
  return {
    name: 'prebuilt',
    inspect,
    prepare: async () => {
      const binding = await inspect()
      const library = path.resolve(path.dirname(binding), '../../deps/lib')
      return { ...(await tryBinding(binding)), library, binding }
    },
  }
}

function javascript(): Source {
  return {
    name: 'javascript',
    inspect: async () => 'runs anywhere, a hundred times slower',
    prepare: async (log) => {
      log('WARNING: no TensorFlow library works here; training runs in pure JavaScript, a hundred times slower')
      return { version: versionOf('@tensorflow/tfjs'), device: 'JavaScript', library: null, binding: null }
    },
  }
}

async function bind(cache: string, library: string, log: Log): Promise<Works> {
  log(`binding to TensorFlow in ${library}`)
  const binding = await compileBinding(cache, library)
  try {
    return { ...(await tryBinding(binding)), library, binding }
  } catch (error) {
    await rm(path.dirname(binding), { recursive: true, force: true })
    throw error
  }
}

async function tryBinding(binding: string): Promise<{ version: string; device: string }> {
  const program = fileURLToPath(new URL('./try-binding.ts', import.meta.url))
  const answer = await run(process.execPath, [program, binding])
  return JSON.parse(answer) as { version: string; device: string }
}

async function hasNvidiaGpu(): Promise<boolean> {
  return run('nvidia-smi', ['-L']).then(
    (text) => text.includes('GPU '),
    () => false,
  )
}
