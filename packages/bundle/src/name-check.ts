import type { Fault } from '@baton/contracts'
import { bundleLimits } from './limits.ts'

/** Names that Windows gives to devices, whatever stands after the dot. */
const deviceName = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i

const refusals: [reason: string, applies: (name: string, parts: readonly string[]) => boolean][] = [
  ['the name is empty', (name) => name === ''],
  [
    `the name is longer than ${bundleLimits.nameBytes} bytes`,
    (name) => Buffer.byteLength(name) > bundleLimits.nameBytes,
  ],
  ['the name holds a NUL or control character', (name) => /[\u0000-\u001f\u007f]/.test(name)],
  ['the name holds a backslash; separate folders by /', (name) => name.includes('\\')],
  ['the name is an absolute path', (name) => name.startsWith('/') || /^[a-z]:/i.test(name)],
  ['the name leads out of the bundle', (_, parts) => parts.includes('..')],
  ['the name has an empty or "." part', (_, parts) => parts.includes('') || parts.includes('.')],
  ['the name holds a character that Windows forbids', (name) => /[<>:"|?*]/.test(name)],
  ['a part of the name ends in a dot or space, which Windows drops', (_, parts) => parts.some((p) => /[. ]$/.test(p))],
  ['a part of the name is a Windows device', (_, parts) => parts.some((part) => deviceName.test(part))],
]

/** Why a file cannot safely be given this name on every system; undefined: it can. Folder names come without their `/`. */
export function nameFault(name: string): string | undefined {
  const parts = name.split('/')
  return refusals.find(([, applies]) => applies(name, parts))?.[0]
}

/**
 * Names that would fall on one place where case or the form of accents does not count, and files that stand where
 * another entry needs a folder.
 */
export function collisionFaults(entries: readonly { name: string; isFolder: boolean }[]): Fault[] {
  const placeOf = (name: string) => name.normalize('NFC').toUpperCase()
  const files = new Map(entries.filter((e) => !e.isFolder).map((e) => [placeOf(e.name), e.name]))
  const taken = new Map<string, string>()
  return entries.flatMap(({ name }) => {
    const earlier = taken.get(placeOf(name))
    taken.set(placeOf(name), name)
    if (earlier !== undefined)
      return [{ pointer: name, detail: `it would overwrite "${earlier}" where case does not count; rename one` }]
    const parts = name.split('/')
    const parents = parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('/'))
    const blocked = parents.map((parent) => files.get(placeOf(parent))).find((file) => file !== undefined)
    return blocked === undefined ? [] : [{ pointer: name, detail: `"${blocked}" is a file and cannot hold it` }]
  })
}
