import type { Tensor, Variable } from '@tensorflow/tfjs'

/** What a signature takes: a tensor for each of its inputs, by name. The caller disposes them. */
export type Feeds = Readonly<Record<string, Tensor>>

/** What a run gives, by name. The caller disposes them. */
export type Outputs = Record<string, Tensor>

/**
 * Shape and dtype of an input; null stands for any size. What is `uint8` is fed by `byteTensor`, and a signature sees it
 * as a tensor of int32.
 */
export interface InputSpec {
  readonly shape: readonly (number | null)[]
  readonly dtype: 'float32' | 'int32' | 'uint8'
}

/** What matrix products and convolutions are computed in. */
export type ComputeDtype = 'float32' | 'bfloat16' | 'float16'

/** A value that lives from run to run, under the name it is saved by. */
export interface StateEntry {
  readonly name: string
  readonly variable: Variable
}

/** One thing a program can do, a training step say. */
export interface Signature {
  readonly inputs: Readonly<Record<string, InputSpec>>
  /**
   * Computes outputs from the feeds and the state, and may assign state. Everything that changes from run to run must
   * come in through feeds: no JavaScript randomness, no numbers that differ between calls, no reading of tensors. Then
   * it may be traced once and run as a compiled graph.
   */
  readonly run: (feeds: Feeds) => Outputs
  /** Of a compiled graph; run eagerly, everything is float32, as TensorFlow.js has no smaller type. Default float32. */
  readonly computeDtype?: ComputeDtype
  /** Signatures of one group are compiled together, when the first of them runs, for as many rows as that has. */
  readonly group?: string
}

export interface ProgramSpec {
  /** Names are unique; names, not order, key what is dumped and restored. */
  readonly state: readonly StateEntry[]
  readonly signatures: Readonly<Record<string, Signature>>
  /**
   * Whether the signatures are known to compute by feeds and state alone, to fail for no values, and to keep no tensor of a
   * run. Others are run twice before they are compiled, and run eagerly where the two differ; of these only shapes are
   * followed. Default false.
   */
  readonly trusted?: boolean
}

/**
 * A computation with named state. How it is executed, eagerly or as a compiled graph, is not seen from outside:
 * whoever wants the state asks for a dump, and never looks into a variable.
 */
export interface Program {
  /** @throws {Error} naming the signature or feed that does not fit its specification; nothing has run then */
  run(signature: string, feeds: Feeds): Outputs
  /**
   * Does what the first run of a signature takes time for and needs no values for. A state that is restored after this goes
   * straight to where runs find it.
   *
   * @param rows The size of all that may be of any.
   * @returns Whether the signature runs as a graph.
   */
  prepare(signature: string, rows: number): boolean
  /**
   * Sets state by name; what is not named stays. The values are copied.
   *
   * @throws {Error} on a name that is unknown or a shape that differs; nothing is changed then
   */
  restore(values: ReadonlyMap<string, Tensor>): void
  /**
   * The state as it is now: later runs do not change it, and taking it copies nothing. The caller disposes it.
   *
   * @param isWanted By name; all where it is left out.
   */
  dump(isWanted?: (name: string) => boolean): Map<string, Tensor>
  /** Frees what the program made for itself; the variables of its state belong to the caller. */
  dispose(): void
}
