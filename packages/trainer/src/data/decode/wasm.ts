/** WebAssembly as far as it is needed: TypeScript knows it as the browser's alone. */
interface WasmApi {
  readonly Module: new (bytes: Uint8Array) => WasmModule
  readonly Instance: new (module: WasmModule, imports: object) => { readonly exports: unknown }
}

export interface WasmMemory {
  /** Another one after it has grown. */
  readonly buffer: ArrayBuffer
  /** By pages of 64 KiB. */
  grow(pages: number): number
}

export type WasmModule = object

export const { WebAssembly: wasm } = globalThis as unknown as { readonly WebAssembly: WasmApi }
