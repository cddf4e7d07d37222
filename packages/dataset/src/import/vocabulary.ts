import { basename, extname } from 'node:path'
import { isAppError, LabelGroup, nearest, parseOrThrow } from '@baton/contracts'
import { parse as parseYaml } from 'yaml'
import type { Fault } from '@baton/contracts'
import { z } from 'zod'
import { invalidInput, reasonOf } from './fault.ts'
import { parseCsv, readText } from './read-text.ts'

/** Stands between a label group and a label: `culture::french`. */
const separator = '::'
/** The group of labels that name none. */
const defaultGroup = 'label'
/** As many as `DatasetManifest` holds. */
const maxGroups = 16
/** Labels that a nearest known one is looked for; past these it costs more than it helps. */
const suggestions = 200

/** Label groups as a person writes them: the labels of each, in the order of their columns. */
export const LabelGroups = z.record(z.string(), z.array(z.string()))
export type LabelGroups = z.infer<typeof LabelGroups>

/** A label as a row writes it, with the group it stands under, where it stands under one. */
export interface LabelRef {
  readonly group: string | null
  readonly text: string
}

export interface Vocabulary {
  readonly labelGroups: LabelGroup[]
  /** The label's index in all groups laid end to end, or why there is none and what would be right. */
  indexOf(ref: LabelRef): { index: number } | { detail: string }
}

/**
 * The labels that a file lists: YAML or JSON (`culture: [french, greek]`), or CSV as Kaggle's `labels.csv` with an id
 * and a name, whose prefix is the group (`0,culture::french`). Rows may then write the id.
 *
 * @throws {AppError} `dataset-input-invalid`
 */
export async function readVocabulary(path: string): Promise<Vocabulary> {
  const fileName = basename(path)
  const text = await readText(path)
  return extname(path).toLowerCase() === '.csv'
    ? vocabularyOfCsv(text, fileName)
    : vocabularyOf(toList(parseGroups(text, fileName)), fileName)
}

/**
 * The labels that rows use, groups and labels in the order of their UTF-16 codes: what serves where no vocabulary was
 * given, and so the same whatever the order of the rows.
 */
export function inferVocabulary(refs: Iterable<LabelRef>, fileName: string): Vocabulary {
  const groups = new Map<string, Set<string>>()
  for (const ref of refs) {
    const { group, label } = ref.group === null ? splitLabel(ref.text) : { group: ref.group, label: ref.text }
    groups.set(group, (groups.get(group) ?? new Set()).add(label))
  }
  const sorted = [...groups].sort(([a], [b]) => (a < b ? -1 : 1))
  return vocabularyOf(
    sorted.map(([name, labels]) => ({ name, labels: [...labels].sort() })),
    fileName,
  )
}

export function toList(groups: LabelGroups): LabelGroup[] {
  return Object.entries(groups).map(([name, labels]) => ({ name, labels }))
}

/**
 * @param source Named in faults.
 * @param ids Other names of labels, each for a `group::label`.
 * @throws {AppError} `dataset-input-invalid` for labels that do not fit `LabelGroup` or stand twice
 */
export function vocabularyOf(
  groups: readonly LabelGroup[],
  source: string,
  ids: ReadonlyMap<string, string> = new Map(),
): Vocabulary {
  const labelGroups = groups.map((group) => fitGroup(group, source))
  if (labelGroups.length === 0) throw invalidInput([{ pointer: source, detail: 'it has no label; give at least one' }])
  if (labelGroups.length > maxGroups)
    throw invalidInput([{ pointer: source, detail: `it has ${labelGroups.length} label groups; at most ${maxGroups}` }])
  const qualified = labelGroups.flatMap(({ name, labels }) => labels.map((label) => name + separator + label))
  const indices = new Map(qualified.map((name, index) => [name, index]))
  const doubled = qualified.filter((name, index) => indices.get(name) !== index)
  if (doubled.length > 0)
    throw invalidInput(doubled.map((name) => ({ pointer: source, detail: `label "${name}" stands there twice` })))

  const bare = new Map<string, string[]>()
  for (const name of qualified) bare.set(splitLabel(name).label, [...(bare.get(splitLabel(name).label) ?? []), name])
  const suggest = suggester([...indices.keys(), ...bare.keys()])
  const indexOf = ({ group, text }: LabelRef) => {
    const full = group === null ? (ids.get(text) ?? text) : group + separator + text
    const candidates = indices.has(full) ? [full] : group === null ? (bare.get(text) ?? []) : []
    const [name, other] = candidates
    if (name === undefined) return { detail: `label "${text}" is not in the vocabulary; ${suggest(full)}` }
    if (other !== undefined) return { detail: `label "${text}" is in two groups; write ${candidates.join(' or ')}` }
    return { index: indices.get(name)! }
  }
  return { labelGroups, indexOf }
}

function splitLabel(text: string): { group: string; label: string } {
  const at = text.indexOf(separator)
  return at < 1
    ? { group: defaultGroup, label: text }
    : { group: text.slice(0, at), label: text.slice(at + separator.length) }
}

function fitGroup(group: LabelGroup, source: string): LabelGroup {
  try {
    return parseOrThrow(LabelGroup, group, 'dataset-input-invalid')
  } catch (error) {
    if (!isAppError(error)) throw error
    throw invalidInput(
      error.faults.map((fault) => ({
        pointer: source,
        detail: `group "${group.name}": ${fault.pointer} ${fault.detail}`,
      })),
    )
  }
}

function suggester(known: readonly string[]): (text: string) => string {
  const found = new Map<string, string>()
  return (text) => {
    if (!found.has(text) && found.size < suggestions) {
      const meant = nearest(text, known)
      found.set(text, meant === undefined ? 'add it there or correct the row' : `did you mean "${meant}"?`)
    }
    return found.get(text) ?? 'add it there or correct the row'
  }
}

function parseGroups(text: string, fileName: string): LabelGroups {
  try {
    // The failsafe schema leaves every scalar a string: a label may be `yes` or `1990`.
    return parseOrThrow(LabelGroups, parseYaml(text, { schema: 'failsafe' }), 'dataset-input-invalid')
  } catch (error) {
    const wanted = 'write groups and their labels as "culture: [french, greek]"'
    const faults = isAppError(error) ? error.faults : [{ pointer: '', detail: reasonOf(error) }]
    throw invalidInput(
      faults.map(({ pointer, detail }) => ({ pointer: fileName, detail: `${pointer} ${detail}; ${wanted}`.trim() })),
    )
  }
}

function vocabularyOfCsv(text: string, fileName: string): Vocabulary {
  const { columns, rows } = parseCsv(text, fileName)
  const [idColumn, nameColumn] = columns
  if (idColumn === undefined || nameColumn === undefined)
    throw invalidInput([{ pointer: `${fileName}:1`, detail: 'it needs two columns: an id and a label name' }])
  const ids = new Map<string, string>()
  const groups = new Map<string, string[]>()
  const faults: Fault[] = []
  for (const { line, cells } of rows) {
    const id = cells.get(idColumn)!
    const { group, label } = splitLabel(cells.get(nameColumn)!)
    groups.set(group, groups.get(group) ?? [])
    groups.get(group)!.push(label)
    if (ids.has(id)) faults.push({ pointer: `${fileName}:${line}`, detail: `id "${id}" stands there twice` })
    ids.set(id, group + separator + label)
  }
  if (faults.length > 0) throw invalidInput(faults)
  return vocabularyOf(
    [...groups].map(([name, labels]) => ({ name, labels })),
    fileName,
    ids,
  )
}
