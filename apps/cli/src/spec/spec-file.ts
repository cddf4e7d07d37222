import { AppError, isAppError, isObject } from '@baton/contracts'
import type { Fault } from '@baton/contracts'
import { isAlias, isMap, isScalar, isSeq, LineCounter, parse, parseDocument } from 'yaml'
import type { Document, Node } from 'yaml'
import { UsageError } from '../exit.ts'

/** An experiment spec as a file holds it: YAML, of which JSON is a part. */
export interface SpecFile {
  /** What the file says, with what `--set` changed; not yet checked. */
  readonly value: unknown
  /** Where in the file a JSON pointer stands, as editors understand it: `spec.yaml:12:5`. */
  place(pointer: string): string
}

/**
 * Reads a spec and lays changes over it.
 *
 * @param fileName Stands in faults.
 * @param changes `stages.all.epochs=3`: a path into the spec and a YAML value. What stands in a list is named by its
 *   index or, as stages are, by its `name`; null takes a stage out, and an unknown name adds one.
 * @throws {AppError} `spec-invalid` when it is not YAML; {UsageError} for a change that cannot be made
 */
export function readSpecFile(text: string, fileName: string, changes: readonly string[] = []): SpecFile {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const faults = document.errors.map(({ pos, message }) => ({
    pointer: at(fileName, lines, pos[0]),
    // The message goes on with the lines of the file.
    detail: message.split('\n')[0]!,
  }))
  if (faults.length > 0) throw new AppError('spec-invalid', {}, { detail: `${fileName} is not YAML or JSON`, faults })
  const changed = new Set(changes.map((change) => setValue(document, change)))
  return {
    value: document.toJS(),
    place: (pointer) =>
      changed.has(pointer)
        ? `--set ${pointer.slice(1).replaceAll('/', '.')}`
        : placeOf(document, pointer, fileName, lines),
  }
}

/**
 * A problem whose faults say where in the file they are, beside their pointer.
 * Other errors are returned as they are.
 */
export function withPlaces(error: unknown, file: SpecFile): unknown {
  if (!isAppError(error, 'spec-invalid')) return error
  const placed = ({ pointer, detail }: Fault) => ({ pointer: `${file.place(pointer)}  ${pointer}`.trimEnd(), detail })
  // With one fault the detail is that fault again.
  return new AppError('spec-invalid', error.facts, { faults: error.faults.map(placed), cause: error })
}

/** @returns The JSON pointer of what was set. */
function setValue(document: Document, change: string): string {
  const [, key, value] = /^([^=\s]+)=(.*)$/s.exec(change) ?? []
  if (key === undefined || value === undefined)
    throw new UsageError(`--set takes key=value, e.g. --set stages.0.epochs=3, not "${change}"`)
  try {
    return setAt(document, key.split('.'), parse(value))
  } catch (error) {
    throw new UsageError(`--set ${change} cannot be applied: ${(error as Error).message.split('\n')[0]!}`)
  }
}

function setAt(document: Document, keys: readonly string[], value: unknown): string {
  const path = pathOf(document, keys)
  const last = keys.at(-1)!
  const holder = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1))
  const isEntry = isSeq(holder) && !isIndex(last)
  if (isEntry && value === null) document.deleteIn(path)
  else document.setIn(path, document.createNode(isEntry && isObject(value) ? { name: last, ...value } : value))
  return `/${path.join('/')}`
}

/** The path with names of entries replaced by their indexes; an unknown name is the index after the last. */
function pathOf(document: Document, keys: readonly string[]): string[] {
  const path: string[] = []
  for (const key of keys) {
    const list = path.length === 0 ? document.contents : document.getIn(path)
    if (!isSeq(list) || isIndex(key)) path.push(key)
    else {
      const at = list.items.findIndex((item) => isMap(item) && item.get('name') === key)
      path.push(String(at === -1 ? list.items.length : at))
    }
  }
  return path
}

function isIndex(key: string): boolean {
  return /^\d+$/.test(key)
}

/** The place of the deepest part of a pointer that the file has: what lacks is said where it belongs. */
function placeOf(document: Document, pointer: string, fileName: string, lines: LineCounter): string {
  let node: unknown = document.contents
  let offset = offsetOf(node) ?? 0
  for (const key of pointer.split('/').slice(1).map(unescape)) {
    const child = childOf(document, node, key)
    if (child === undefined) break
    offset = child.offset ?? offset
    node = child.node
  }
  return at(fileName, lines, offset)
}

function childOf(
  document: Document,
  parent: unknown,
  key: string,
): { node: unknown; offset: number | undefined } | undefined {
  const node = isAlias(parent) ? parent.resolve(document) : parent
  if (isMap(node)) {
    const pair = node.items.find((item) => String(isScalar(item.key) ? item.key.value : item.key) === key)
    return pair && { node: pair.value, offset: offsetOf(pair.key) }
  }
  if (!isSeq(node)) return undefined
  const item = node.items[Number(key)]
  return item === undefined ? undefined : { node: item, offset: offsetOf(item) }
}

function offsetOf(node: unknown): number | undefined {
  return (node as Node | null)?.range?.[0]
}

function at(fileName: string, lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset)
  return `${fileName}:${line}:${col}`
}

/** RFC 6901: `~1` stands for a slash, `~0` for a tilde. */
function unescape(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~')
}
