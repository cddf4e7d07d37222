import { fileURLToPath } from 'node:url'
import { hugePages, interOpThreads } from '@baton/tensorflow'
import { hasBf16 } from '../machine.ts'
import type { Run } from '../figure.ts'
import { installPython } from '../python.ts'
import type { PythonPackages } from '../python.ts'
import { repositoryFile } from '../repository.ts'
import type { Order, PeerProgram } from './peer.ts'

export type PeerName = 'baton' | 'batonBf16' | 'eager' | 'tfjs' | 'keras' | 'kerasBf16' | 'loop' | 'torch'

export type EpochName = 'baton' | 'keras' | 'kerasAliased' | 'torch'

/** Epochs from files, and by which order which peer trains them. */
export const epochKinds: Readonly<Record<EpochName, { readonly peer: PeerName; readonly order: Order['do'] }>> = {
  baton: { peer: 'baton', order: 'epoch' },
  keras: { peer: 'keras', order: 'epoch' },
  kerasAliased: { peer: 'keras', order: 'aliased-epoch' },
  torch: { peer: 'torch', order: 'epoch' },
}

/** A way to train a net. */
export interface PeerKind {
  readonly title: string
  /** How far its first losses may be from Baton's, as a part of them. */
  readonly tolerance: number
  readonly program: (job: string) => PeerProgram
}

/** Why a peer cannot run here. */
export interface Lacking {
  readonly lacking: string
}

/** The TensorFlow that Baton fetches where it finds none, and what belongs to it. */
const tensorflow = {
  name: 'tensorflow-cpu-2.21.0',
  packages: ['tensorflow-cpu==2.21.0', 'keras==3.15.1', 'numpy==2.4.6'],
}
/**
 * From PyPI alone it comes with the libraries of its GPU, which fill 6 GB and do nothing here. Where pip is told of
 * PyTorch's index for CPUs, by PIP_EXTRA_INDEX_URL, it takes the same version from there.
 */
const torch = { name: 'torch-2.15.0', packages: ['torch==2.15.0', 'torchvision==0.29.2', 'pillow==12.0.0', 'numpy'] }

const exact = 0.01
/** bf16 has 8 bits of precision. */
const coarse = 0.05

/** All peers of Baton, those that cannot run here with the reason; Python's are installed where they are not yet. */
export async function preparePeers(say: Run['say'], threads: number): Promise<Record<PeerName, PeerKind | Lacking>> {
  const env = {
    TF_NUM_INTRAOP_THREADS: String(threads),
    TF_NUM_INTEROP_THREADS: String(interOpThreads(threads)),
    TF_ENABLE_ONEDNN_OPTS: '1',
    // Of this process, where TensorFlow is loaded as Baton has it; peers may be as fast as they can.
    TF_DETERMINISTIC_OPS: '0',
    TF_CPP_MIN_LOG_LEVEL: '2',
    OMP_NUM_THREADS: String(threads),
    PYTHONDONTWRITEBYTECODE: '1',
  }
  const node =
    (url: URL, settings: Readonly<Record<string, string>>, ...args: string[]) =>
    (job: string): PeerProgram => ({
      command: process.execPath,
      args: [fileURLToPath(url), job, ...args],
      env: { TF_ENABLE_ONEDNN_OPTS: '1', ...settings },
    })
  const installed = async (packages: PythonPackages): Promise<{ bin: string } | Lacking> => {
    try {
      return { bin: await installPython(packages, say) }
    } catch (error) {
      const lacking = `${packages.packages[0]!} cannot be installed`
      say(`${lacking}: ${(error as Error).message}`)
      return { lacking }
    }
  }
  const python = async (
    environment: PythonPackages,
    kind: Omit<PeerKind, 'program'>,
    script: string,
    ...args: string[]
  ): Promise<PeerKind | Lacking> => {
    const found = await installed(environment)
    if ('lacking' in found) return found
    const file = repositoryFile(`bench/training/peers/${script}`)
    return { ...kind, program: (job) => ({ command: `${found.bin}/python`, args: [file, job, ...args], env }) }
  }
  const plain = { tolerance: exact }
  const inBf16 = { tolerance: coarse }
  const withoutBf16 = { lacking: 'the processor has no bf16' }
  // As the worker starts a training.
  const baton = (...args: string[]) => node(new URL('./peers/baton.ts', import.meta.url), hugePages, ...args)
  return {
    baton: { ...plain, title: 'Baton', program: baton('compiled', 'fp32') },
    batonBf16: hasBf16() ? { ...inBf16, title: 'Baton, bf16', program: baton('compiled', 'bf16') } : withoutBf16,
    eager: { ...plain, title: 'Baton, eager', program: baton('eager', 'fp32') },
    tfjs: { ...plain, title: 'TensorFlow.js fit', program: node(new URL('./peers/tfjs-fit.ts', import.meta.url), {}) },
    keras: await python(tensorflow, { ...plain, title: 'Keras fit' }, 'keras_fit.py', 'float32'),
    kerasBf16: hasBf16()
      ? await python(tensorflow, { ...inBf16, title: 'Keras fit, mixed_bfloat16' }, 'keras_fit.py', 'mixed_bfloat16')
      : withoutBf16,
    loop: await python(tensorflow, { ...plain, title: 'tf.function loop' }, 'keras_loop.py'),
    torch: await python(torch, { ...plain, title: 'PyTorch' }, 'torch_loop.py'),
  }
}
