import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** The drawings of one emoji in each style that has it. */
export interface Emoji {
  /** Code points in lower-case hex, joined by hyphens. */
  readonly code: string
  /** Group and subgroup, as Unicode orders emoji: `animals-nature`, `animal-bird`. */
  readonly categories: readonly string[]
  readonly tags: readonly string[]
  readonly drawings: readonly Drawing[]
}

export interface Drawing {
  readonly style: string
  readonly body: string
  readonly width: number
  readonly height: number
}

export interface EmojiCatalog {
  /** In the order of their codes. */
  readonly emoji: Emoji[]
  /** Whose drawings and words they are, and under which licence. */
  readonly licences: string[]
}

/** Skin tones and hair styles: parts of other emoji, not pictures of something. */
const componentGroup = 2

/**
 * All emoji that at least one of Noto Emoji, Twitter Emoji and Emoji One draws, with the words that emojibase has for
 * them. Skin tones of an emoji are not emoji of their own here.
 *
 * Reads 40 MB of JSON, so it is called only when the demo set is built.
 */
export function loadEmoji(): EmojiCatalog {
  const styles = [styleByCode('noto'), styleByCode('twemoji'), styleByLabel('emojione')]
  const words = require('emojibase-data/en/data.json') as EmojiWords[]
  const names = require('emojibase-data/meta/groups.json') as GroupNames
  const emoji = words
    .filter(({ group }) => group !== undefined && group !== componentGroup)
    .map((entry) => ({
      code: entry.hexcode.toLowerCase(),
      categories: [...new Set([names.groups[entry.group!]!, names.subgroups[entry.subgroup!]!])],
      tags: [...new Set(entry.tags)],
      drawings: styles.flatMap((style) => style.drawingOf(entry) ?? []),
    }))
    .filter(({ drawings }) => drawings.length > 0)
    .sort((a, b) => (a.code < b.code ? -1 : 1))
  return { emoji, licences: [...styles.map(({ licence }) => licence), wordsLicence()] }
}

interface EmojiWords {
  readonly hexcode: string
  readonly label: string
  readonly tags?: readonly string[]
  /** Not set for what is no emoji by itself, such as regional indicators. */
  readonly group?: number
  readonly subgroup?: number
}

interface GroupNames {
  readonly groups: Readonly<Record<string, string>>
  readonly subgroups: Readonly<Record<string, string>>
}

interface Icons {
  readonly icons: Readonly<Record<string, { body: string; width?: number; height?: number }>>
  readonly aliases?: Readonly<Record<string, { parent: string }>>
  readonly width: number
  readonly height: number
}

interface Style {
  readonly licence: string
  drawingOf(entry: EmojiWords): Drawing | undefined
}

/** A style that says which icon draws which code points. It may leave the variation selector out. */
function styleByCode(style: string): Style {
  const names = require(`@iconify-json/${style}/chars.json`) as Record<string, string>
  return styleBy(style, ({ hexcode }) => {
    const code = hexcode.toLowerCase()
    return names[code] ?? names[code.replaceAll('-fe0f', '')]
  })
}

/** A style that says no code points: its icons are called by the emoji's name at its time. */
function styleByLabel(style: string): Style {
  return styleBy(style, ({ label }) =>
    label
      .toLowerCase()
      .normalize('NFD')
      .replaceAll(/\p{M}/gu, '')
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replaceAll(/^-|-$/g, ''),
  )
}

function styleBy(style: string, nameOf: (entry: EmojiWords) => string | undefined): Style {
  const set = require(`@iconify-json/${style}/icons.json`) as Icons
  const drawingOf = (entry: EmojiWords): Drawing | undefined => {
    const name = nameOf(entry) ?? ''
    const icon = set.icons[name] ?? set.icons[set.aliases?.[name]?.parent ?? '']
    return icon && { style, body: icon.body, width: icon.width ?? set.width, height: icon.height ?? set.height }
  }
  return { licence: drawingsLicence(style), drawingOf }
}

function drawingsLicence(style: string): string {
  const info = require(`@iconify-json/${style}/info.json`) as {
    name: string
    author: { name: string; url: string }
    license: { title: string; url: string }
  }
  return `${info.name}, drawings by ${info.author.name} (${info.author.url}): ${info.license.title}, ${info.license.url}`
}

function wordsLicence(): string {
  const info = require('emojibase-data/package.json') as { version: string; license: string; author: string }
  return `emojibase-data ${info.version}, words by ${info.author}: ${info.license}`
}
