import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Size } from '../augment/affine.ts'
import { wasm } from './wasm.ts'
import type { WasmMemory, WasmModule } from './wasm.ts'

/**
 * TurboJPEG, the interface of libjpeg-turbo, in WebAssembly: the same bytes on every machine. Addresses are of its
 * memory; what returns a status returns 0, or −1 where something is wrong or odd.
 *
 * @see https://libjpeg-turbo.org, turbojpeg.h
 */
interface Turbo {
  readonly memory: WasmMemory
  malloc(bytes: number): number
  free(address: number): void
  /** @returns a handle, 0 without memory */
  tjInitDecompress(): number
  tjDestroy(handle: number): number
  /** @param facts Four addresses: of width, height, subsampling and colour space. */
  tjDecompressHeader3(handle: number, bytes: number, length: number, ...facts: [number, number, number, number]): number
  /** Scales by the largest fraction that width and height hold. */
  tjDecompress2(
    handle: number,
    bytes: number,
    length: number,
    to: number,
    width: number,
    pitch: number,
    height: number,
    format: number,
    flags: number,
  ): number
}

interface Decoder {
  readonly turbo: Turbo
  /** Addresses of so many bytes that stay the decoder's. */
  readonly roomFor: Readonly<Record<'input' | 'output' | 'facts', (bytes: number) => number>>
}

/** TJPF_RGB */
const rgb = 0

let compiled: WasmModule | undefined
/** This thread's. */
let decoder: Decoder | null = null

/**
 * Decodes a JPEG of three colours or grey.
 *
 * @param size Its own, or what is left of it at 1 to 7 eighths of each side, rounded up.
 * @returns RGB bytes; null where the decoder finds anything wrong or odd
 */
export function decodeByTurbo(bytes: Uint8Array, { width, height }: Size): Uint8Array | null {
  const { turbo, roomFor } = (decoder ??= openDecoder())
  try {
    const [from, to, facts] = [roomFor.input(bytes.length), roomFor.output(width * height * 3), roomFor.facts(16)]
    new Uint8Array(turbo.memory.buffer, from, bytes.length).set(bytes)
    // One of its own: it would fill in tables that a JPEG lacks from the one before.
    const handle = turbo.tjInitDecompress()
    const isWhole =
      turbo.tjDecompressHeader3(handle, from, bytes.length, facts, facts + 4, facts + 8, facts + 12) === 0 &&
      turbo.tjDecompress2(handle, from, bytes.length, to, width, width * 3, height, rgb, 0) === 0
    turbo.tjDestroy(handle)
    return isWhole ? new Uint8Array(turbo.memory.buffer, to, width * height * 3).slice() : null
  } catch {
    // It stopped in the middle, and is in no known state.
    decoder = null
    return null
  }
}

function openDecoder(): Decoder {
  compiled ??= new wasm.Module(readFileSync(createRequire(import.meta.url).resolve(library)))
  const turbo = new wasm.Instance(compiled, imports).exports as Turbo
  const room = () => {
    let [address, size] = [0, 0]
    return (bytes: number) => {
      if (bytes <= size) return address
      turbo.free(address)
      ;[address, size] = [turbo.malloc(bytes), bytes]
      if (address === 0) throw new Error('no memory')
      return address
    }
  }
  return { turbo, roomFor: { input: room(), output: room(), facts: room() } }
}

const library = '@cwasm/jpeg-turbo/jpeg-turbo.wasm'

/** What the library would call: of C's long jumps, by which it gives up, the first half does nothing. */
const imports = {
  env: { setjmp: () => 0, longjmp: giveUp },
  wasi_snapshot_preview1: {
    environ_sizes_get: () => 0,
    environ_get: giveUp,
    proc_exit: giveUp,
    fd_close: giveUp,
    fd_seek: giveUp,
    fd_write: giveUp,
  },
}

function giveUp(): never {
  throw new Error('libjpeg-turbo gave up')
}
