/** What has to be known of a JPEG before it is decoded. */
export interface JpegHeader {
  readonly width: number
  readonly height: number
  /** 8 bits a colour, grey or of three colours, baseline or progressive by Huffman's code. */
  readonly isCommon: boolean
  /** As its pixels are stored: neither turned by EXIF nor of a colour space that a profile describes. */
  readonly isPlain: boolean
}

const marker = { soi: 0xd8, sos: 0xda, eoi: 0xd9, exif: 0xe1, profile: 0xe2 }
/** Start of frame: baseline, extended, progressive. Others are lossless, hierarchical or arithmetic. */
const commonFrames = [0xc0, 0xc1, 0xc2]
const orientationTag = 0x0112

/** Reads the segments before the picture. @returns null where the bytes are no JPEG, or a broken one */
export function readJpegHeader(bytes: Uint8Array): JpegHeader | null {
  if (bytes[0] !== 0xff || bytes[1] !== marker.soi) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let isPlain = true
  for (let at = 2; at + 4 <= bytes.length;) {
    if (bytes[at] !== 0xff) return null
    const kind = bytes[at + 1]!
    // Any number of bytes 0xff may come before a marker.
    if (kind === 0xff) {
      at++
      continue
    }
    const end = at + 2 + view.getUint16(at + 2)
    if (kind === marker.sos || kind === marker.eoi || end > bytes.length) return null
    const body = bytes.subarray(at + 4, end)
    if (isFrame(kind)) return body.length < 6 ? null : { ...frameOf(kind, body), isPlain }
    if (kind === marker.exif && startsWith(body, 'Exif\0\0')) isPlain &&= orientationOf(body.subarray(6)) === 1
    if (kind === marker.profile && startsWith(body, 'ICC_PROFILE\0')) isPlain = false
    at = end
  }
  return null
}

function isFrame(kind: number): boolean {
  // Among them stand tables of Huffman's and the arithmetic code, and a reserved one.
  return kind >= 0xc0 && kind <= 0xcf && kind !== 0xc4 && kind !== 0xc8 && kind !== 0xcc
}

function frameOf(kind: number, body: Uint8Array): Omit<JpegHeader, 'isPlain'> {
  const [precision, high, low, left, right, colours] = body as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const isCommon = commonFrames.includes(kind) && precision === 8 && (colours === 1 || colours === 3)
  return { height: high * 256 + low, width: left * 256 + right, isCommon }
}

function startsWith(bytes: Uint8Array, text: string): boolean {
  return Buffer.from(bytes.subarray(0, text.length)).toString('latin1') === text
}

/** As EXIF says it, 1 to 8: 1 is upright. 0 where what it says is broken. */
function orientationOf(exif: Uint8Array): number {
  if (exif.length < 8) return 0
  const view = new DataView(exif.buffer, exif.byteOffset, exif.byteLength)
  const isLittle = view.getUint16(0) === 0x4949
  const first = view.getUint32(4, isLittle)
  if (first + 2 > exif.length) return 0
  const entries = view.getUint16(first, isLittle)
  for (let entry = 0; entry < entries; entry++) {
    const at = first + 2 + entry * 12
    if (at + 12 > exif.length) return 0
    if (view.getUint16(at, isLittle) === orientationTag) return view.getUint16(at + 8, isLittle)
  }
  return 1
}
