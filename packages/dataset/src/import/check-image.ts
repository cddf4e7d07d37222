import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import sharp from 'sharp'
import { reasonOf } from './fault.ts'
import { largestFileBytes } from './tar.ts'

/** What sharp reads everywhere and what cannot name other files, as SVG can. AVIF goes by the name of its container. */
const formats: Record<string, string> = { jpeg: 'jpg', png: 'png', webp: 'webp', gif: 'gif', tiff: 'tif', heif: 'avif' }
/** A picture of more is a decompression bomb, or belongs scaled down before it is trained on. */
const maxPixels = 100_000_000
/** At most 4 MiB when decoded. */
const smallPixels = 2 ** 20

export interface CheckedImage {
  readonly digest: string
  readonly length: number
  /** Ending that fits the format, whatever the file is called. */
  readonly extension: string
}

/** Reads and decodes a whole picture: its digest and size, or why it cannot be trained on. */
export async function checkImage(path: string): Promise<CheckedImage | { detail: string }> {
  try {
    const { size } = await stat(path)
    if (size === 0) return { detail: 'the file is empty; put the picture there' }
    if (size > largestFileBytes) return { detail: `the file is larger than ${largestFileBytes} bytes; scale it down` }
    const bytes = await readFile(path)
    const extension = await decode(bytes)
    if (extension === undefined) return { detail: `it is not a ${Object.keys(formats).join(', ')} picture; convert it` }
    return { digest: createHash('sha256').update(bytes).digest('hex'), length: bytes.length, extension }
  } catch (error) {
    return { detail: `it does not decode: ${reasonOf(error)}; replace it` }
  }
}

/** Every pixel is decoded, as training will, and then dropped. */
async function decode(bytes: Buffer): Promise<string | undefined> {
  const picture = sharp(bytes, { failOn: 'error', limitInputPixels: maxPixels })
  const { format, width, height } = await picture.metadata()
  const extension = formats[format]
  if (extension === undefined) return undefined
  // Scaling costs more time than it saves on a small picture; a large one would cost memory without it.
  await (width * height > smallPixels ? picture.resize(8, 8, { fit: 'fill' }) : picture).raw().toBuffer()
  return extension
}
