import path from 'node:path'
import type { PythonPackages } from '../../bench/python.ts'

/** All networks that timm has too: ours by timm's names. */
export const networks = {
  resnet18: 'resnet18',
  resnet34: 'resnet34',
  resnet50: 'resnet50',
  seresnext50_32x4d: 'seresnext50_32x4d',
  seresnext101_32x4d: 'seresnext101_32x4d',
  densenet161: 'densenet161',
  mobilenetv2_100: 'mobilenetv2',
} as const

export type TimmName = keyof typeof networks

/** Those that were named when this program was started, or all. @throws {Error} when there is none of a name */
export function chosenNetworks(): TimmName[] {
  const all = Object.keys(networks) as TimmName[]
  const named = process.argv.slice(2)
  const unknown = named.filter((name) => !(name in networks))
  if (unknown.length > 0) throw new Error(`there is no ${unknown.join(', ')}; there are ${all.join(', ')}`)
  return named.length === 0 ? all : (named as TimmName[])
}

/**
 * From PyPI, which has PyTorch for Linux only with all of CUDA: 2.5 GB to fetch, 5.5 GB on the disk. pip's own settings
 * hold, so where `PIP_EXTRA_INDEX_URL` names an index that has PyTorch for CPUs alone, that is taken.
 */
export const timm: PythonPackages = {
  name: 'timm-1.0.31',
  packages: ['torch==2.15.0', 'timm==1.0.31', 'safetensors==0.8.0'],
}

/** For Python 3.10 to 3.13. */
export const tensorflow: PythonPackages = {
  name: 'tensorflow-2.21.0',
  packages: ['tensorflow-cpu==2.21.0', 'safetensors==0.8.0'],
}

/** A file of the repository. The bundle that runs is four folders below it. */
export function inRepository(file: string): string {
  return path.resolve(import.meta.dirname, '../../../..', file)
}
