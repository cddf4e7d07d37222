import { permutation, streamKey, uniform } from '@baton/random'
import type { Emoji } from './catalog.ts'

export interface ChooseOptions {
  /** The same seed and options choose the same set. */
  readonly seed: number
  /** Most pictures in the set; null: all. */
  readonly limit: number | null
  /** Share of the emoji that become test samples, in all their styles. */
  readonly testShare: number
  /** Share of its tags that the one annotator of a train picture misses. */
  readonly noise: number
  /** A label is kept when the pictures of at least so many train emoji carry it. */
  readonly minUses: number
}

/** A picture of the set, with its true labels and those that its annotator gave it. */
export interface ChosenPicture {
  readonly id: string
  readonly emoji: Emoji
  readonly style: number
  readonly split: 'train' | 'test'
  readonly truth: PictureLabels
  /** Empty for a test picture. */
  readonly annotated: PictureLabels
}

export interface PictureLabels {
  readonly category: readonly string[]
  readonly tag: readonly string[]
}

/**
 * A competition in small: which emoji are in it, which of them are the test set, and what their annotators wrote.
 *
 * Every choice is a pure function of the seed and the emoji. Labels are counted by emoji, not by picture, because the
 * styles of one emoji never straddle a fold: a label of one emoji could never be both learned and scored.
 */
export function choosePictures(emoji: readonly Emoji[], options: ChooseOptions): ChosenPicture[] {
  const chosen = withinLimit(emoji, options)
  const testCount = Math.round(chosen.length * options.testShare)
  const order = permutation(streamKey(options.seed, 'emoji', 'test'), chosen.length)
  const test = new Set([...order.subarray(0, testCount)].map((i) => chosen[i]!))
  const pictures = chosen.flatMap((one) =>
    one.drawings.map((drawing, style) => {
      const id = `${drawing.style}-${one.code}`
      const split = test.has(one) ? ('test' as const) : ('train' as const)
      const truth = { category: one.categories, tag: one.tags }
      const annotated = split === 'test' ? { category: [], tag: [] } : annotate(id, truth, options)
      return { id, emoji: one, style, split, truth, annotated }
    }),
  )
  return dropRareLabels(pictures, options.minUses)
}

/** Emoji drawn by the seed until the next one's pictures would not fit, in the order of their codes. */
function withinLimit(emoji: readonly Emoji[], { seed, limit }: ChooseOptions): Emoji[] {
  if (limit === null) return [...emoji]
  const order = permutation(streamKey(seed, 'emoji', 'subset'), emoji.length)
  let pictures = 0
  const kept = [...order].filter((i) => {
    pictures += emoji[i]!.drawings.length
    return pictures <= limit
  })
  return kept.sort((a, b) => a - b).map((i) => emoji[i]!)
}

function annotate(id: string, truth: PictureLabels, { seed, noise }: ChooseOptions): PictureLabels {
  const key = streamKey(seed, 'emoji', 'annotator', id)
  return { category: truth.category, tag: truth.tag.filter((_, i) => uniform(key, i) >= noise) }
}

function dropRareLabels(pictures: readonly ChosenPicture[], minUses: number): ChosenPicture[] {
  const frequent = {
    category: frequentLabels(pictures, 'category', minUses),
    tag: frequentLabels(pictures, 'tag', minUses),
  }
  const keep = (labels: PictureLabels): PictureLabels => ({
    category: labels.category.filter((label) => frequent.category.has(label)),
    tag: labels.tag.filter((label) => frequent.tag.has(label)),
  })
  return pictures.map((picture) => ({ ...picture, truth: keep(picture.truth), annotated: keep(picture.annotated) }))
}

function frequentLabels(pictures: readonly ChosenPicture[], group: keyof PictureLabels, minUses: number): Set<string> {
  const uses = new Map<string, Set<Emoji>>()
  for (const { annotated, emoji } of pictures)
    for (const label of annotated[group]) uses.set(label, (uses.get(label) ?? new Set()).add(emoji))
  return new Set([...uses].filter(([, users]) => users.size >= minUses).map(([label]) => label))
}
