import { readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { makeOnce } from './cache.ts'
import type { Log } from './source.ts'
import type { Python } from './python.ts'
import { FRAMEWORK, LIBRARY } from './python.ts'
import { run } from './run.ts'

/** 274 MB to fetch for a CPU. 2.15.1, the other release that was tried, trains at the same speed there. */
export const WHEEL_VERSION = '2.21.0'

/** Wheels made for one Python; their C++ libraries serve any, so the Python that runs pip need not be that one. */
const PYTHON = ['--python-version', '3.11', '--implementation', 'cp', '--only-binary=:all:']

const BY_ARCH: Partial<Record<NodeJS.Architecture, { cpu: string; machine: string }>> = {
  x64: { cpu: 'tensorflow-cpu', machine: 'x86_64' },
  arm64: { cpu: 'tensorflow', machine: 'aarch64' },
}

/** TensorFlow's own, then those of the packages that its GPU wheel needs; pip takes each name for itself alone. */
const PLATFORMS = ['manylinux_2_27', 'manylinux_2_28', 'manylinux_2_17', 'manylinux2014', 'manylinux_2_5', 'manylinux1']

export interface Wheel {
  /** Folder that holds, or will hold, the libraries and `include`. */
  readonly library: string
  /** What it is, for people: `tensorflow-cpu 2.21.0`. */
  readonly title: string
  /** As wheels name it: `x86_64`. */
  readonly machine: string
  readonly hasGpu: boolean
}

/**
 * The wheel that fits this machine and its place in the cache.
 *
 * @throws {Error} where no wheel with a C++ library is published
 */
export function chooseWheel(cache: string, hasGpu: boolean): Wheel {
  const choice = process.platform === 'linux' ? BY_ARCH[process.arch] : undefined
  if (!choice) throw new Error(`no TensorFlow is published for ${process.platform} on ${process.arch}`)
  const name = hasGpu ? 'tensorflow' : choice.cpu
  const folder = [name, WHEEL_VERSION, process.arch, ...(hasGpu ? ['cuda'] : [])].join('-')
  const library = path.join(cache, folder, 'tensorflow')
  return { library, title: `${name} ${WHEEL_VERSION}`, machine: choice.machine, hasGpu }
}

/** Gets the wheel with pip, which knows the mirrors and proxies this machine was set up with. Whole or not at all. */
export async function fetchWheel(wheel: Wheel, python: Python, log: Log): Promise<void> {
  const fetchInto = wheel.hasGpu ? installGpuWheel : unpackCpuWheel
  await makeOnce(path.dirname(wheel.library), async (draft) => {
    log(`fetching ${wheel.title} with pip`)
    await fetchInto(draft, wheel, python)
  })
}

/**
 * The C++ libraries and the headers a binding is compiled against: a twentieth of the wheel's files, which is what
 * takes the time when pip installs it.
 */
const UNPACK = `
import sys, zipfile
wheel, target = sys.argv[1:]
keep = ('tensorflow/${LIBRARY}', 'tensorflow/${FRAMEWORK}', 'tensorflow/include/tensorflow/c/',
        'tensorflow/include/tensorflow/core/platform/', 'tensorflow/include/tsl/', 'tensorflow/include/xla/tsl/')
with zipfile.ZipFile(wheel) as z:
    z.extractall(target, [name for name in z.namelist() if name.startswith(keep)])`

async function unpackCpuWheel(draft: string, { title, machine }: Wheel, { executable }: Python): Promise<void> {
  const requirement = title.replace(' ', '==')
  const download = ['-m', 'pip', 'download', '--quiet', '--no-deps', ...wheelsFor(machine)]
  await run(executable, [...download, '--dest', draft, requirement])
  const file = (await readdir(draft)).find((name) => name.endsWith('.whl'))
  if (file === undefined) throw new Error(`pip fetched no wheel for ${requirement}`)
  await run(executable, ['-c', UNPACK, path.join(draft, file), draft])
  await rm(path.join(draft, file))
}

/** With the CUDA libraries it was built for, which lie beside it where it looks for them. Not measured on a GPU. */
async function installGpuWheel(draft: string, { title, machine }: Wheel, { executable }: Python): Promise<void> {
  const requirement = title.replace(' ', '[and-cuda]==')
  const install = ['-m', 'pip', 'install', '--quiet', '--no-compile', ...wheelsFor(machine)]
  await run(executable, [...install, '--target', draft, requirement])
}

function wheelsFor(machine: string): string[] {
  return [...PYTHON, ...PLATFORMS.flatMap((platform) => ['--platform', `${platform}_${machine}`])]
}
