import { DatasetManifest, labelsOf } from './dataset.ts'
import type { Sample } from './dataset.ts'
import { capFaults, parseOrThrow } from './parse.ts'
import { AppError, pointerOf } from './problems.ts'
import type { Fault } from './problems.ts'

/**
 * The dataset manifest in a JSON value, whole: it fits its schema and passes `checkManifest`.
 *
 * @throws {AppError} `manifest-invalid`, with the JSON pointer of every fault
 */
export function parseManifest(json: unknown): DatasetManifest {
  const manifest = parseOrThrow(DatasetManifest, json, 'manifest-invalid')
  const faults = checkManifest(manifest)
  if (faults.length > 0) throw new AppError('manifest-invalid', {}, { faults: capFaults(faults) })
  return manifest
}

/**
 * What no schema can say about a manifest: names are unique, label indices point at labels, bytes lie inside their
 * shard without overlap, a sample group stays within one split and one fold, test samples keep their labels secret, and there is
 * something to train on. Reads no bytes: digests are checked when the shards are read.
 */
export function checkManifest(manifest: DatasetManifest): Fault[] {
  const labelCount = labelsOf(manifest).length
  return [
    ...labelFaults(manifest),
    ...manifest.samples.flatMap((sample, i) => [
      ...labelIndexFaults(sample, i, labelCount),
      ...placeFaults(sample, i, manifest.shards),
    ]),
    ...duplicates(
      manifest.samples.map((sample) => sample.id),
      (i) => ['samples', i, 'id'],
      'sample id',
    ),
    ...groupFaults(manifest.samples),
    ...foldFaults(manifest.samples),
    ...overlapFaults(manifest.samples),
    ...(manifest.samples.some((sample) => sample.split === 'train')
      ? []
      : [{ pointer: '/samples', detail: 'there is no train sample; give at least one sample the split "train"' }]),
  ]
}

function labelFaults({ labelGroups }: DatasetManifest): Fault[] {
  return [
    ...duplicates(
      labelGroups.map((group) => group.name),
      (i) => ['labelGroups', i, 'name'],
      'label group',
    ),
    ...labelGroups.flatMap(({ labels }, g) => duplicates(labels, (i) => ['labelGroups', g, 'labels', i], 'label')),
  ]
}

function labelIndexFaults(sample: Sample, index: number, labelCount: number): Fault[] {
  const at = (i: number) => pointerOf(['samples', index, 'labels', i])
  if (sample.split === 'test' && sample.labels.length > 0)
    return [{ pointer: at(0), detail: 'a test sample must not carry labels; leave the list empty' }]
  const seen = new Set<number>()
  return sample.labels.flatMap((label, i) => {
    if (label >= labelCount)
      return [{ pointer: at(i), detail: `label ${label} does not exist: labels are 0 to ${labelCount - 1}` }]
    if (seen.has(label)) return [{ pointer: at(i), detail: `label ${label} is listed twice; list it once` }]
    seen.add(label)
    return []
  })
}

function placeFaults({ shard, offset, length }: Sample, index: number, shards: DatasetManifest['shards']): Fault[] {
  const blob = shards[shard]
  if (blob === undefined) {
    const detail = `shard ${shard} does not exist: shards are 0 to ${shards.length - 1}`
    return [{ pointer: pointerOf(['samples', index, 'shard']), detail }]
  }
  if (offset + length <= blob.sizeBytes) return []
  const detail = `bytes ${offset} to ${offset + length} reach past the ${blob.sizeBytes} bytes of shard ${shard}`
  return [{ pointer: pointerOf(['samples', index, 'offset']), detail }]
}

function duplicates(names: readonly string[], path: (index: number) => (string | number)[], what: string): Fault[] {
  const first = new Map<string, number>()
  return names.flatMap((name, i) => {
    const earlier = first.get(name)
    if (earlier === undefined) {
      first.set(name, i)
      return []
    }
    const pointer = pointerOf(path(i))
    return [{ pointer, detail: `${what} "${name}" stands already at ${pointerOf(path(earlier))}; each must be unique` }]
  })
}

function groupFaults(samples: readonly Sample[]): Fault[] {
  const splitOf = new Map<string, Sample['split']>()
  return samples.flatMap((sample, i) => {
    if (sample.group === null) return []
    const split = splitOf.get(sample.group) ?? sample.split
    splitOf.set(sample.group, split)
    if (split === sample.split) return []
    const detail = `group "${sample.group}" has samples in train and in test; keep a group within one split`
    return [{ pointer: pointerOf(['samples', i, 'group']), detail }]
  })
}

/** Folds are of train samples, and a group is validated by one of them. */
function foldFaults(samples: readonly Sample[]): Fault[] {
  const foldOf = new Map<string, number | undefined>()
  return samples.flatMap(({ split, group, fold }, i) => {
    const at = pointerOf(['samples', i, 'fold'])
    if (split === 'test') return fold === undefined ? [] : [{ pointer: at, detail: 'a test sample is of no fold' }]
    if (group === null) return []
    if (!foldOf.has(group)) foldOf.set(group, fold)
    if (foldOf.get(group) === fold) return []
    return [{ pointer: at, detail: `group "${group}" is in more than one fold; keep a group within one` }]
  })
}

function overlapFaults(samples: readonly Sample[]): Fault[] {
  const placed = samples
    .map(({ id, shard, offset, length }, index) => ({ id, shard, offset, end: offset + length, index }))
    .sort((a, b) => a.shard - b.shard || a.offset - b.offset || a.index - b.index)
  const faults: Fault[] = []
  let reaching = placed[0]
  for (const next of placed.slice(1)) {
    if (next.shard === reaching?.shard && next.offset < reaching.end)
      faults.push({
        pointer: pointerOf(['samples', next.index, 'offset']),
        detail: `its bytes overlap those of sample "${reaching.id}" in shard ${next.shard}`,
      })
    if (next.shard !== reaching?.shard || next.end > reaching.end) reaching = next
  }
  return faults
}
