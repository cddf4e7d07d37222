export type SourceName = 'python' | 'fetched' | 'prebuilt' | 'javascript'

/** Takes one line of progress, for people. */
export type Log = (line: string) => void

/** A TensorFlow that was bound and has computed. Paths are null for the pure JavaScript backend. */
export interface Works {
  /** Version of TensorFlow; of tfjs-core for the pure JavaScript backend. */
  readonly version: string
  readonly device: string
  /** Folder of the C++ libraries. */
  readonly library: string | null
  /** The native module that tfjs-node loads. */
  readonly binding: string | null
}

/** One place a TensorFlow may come from. Both questions are answered by an Error that says what it lacks. */
export interface Source {
  readonly name: SourceName
  /** What is there, changing nothing: no fetch, no compiler. */
  inspect(): Promise<string>
  /** Fetches, compiles and tries what is needed for a load to work. */
  prepare(log: Log): Promise<Works>
}

/** What became of one source. */
export interface Finding {
  readonly source: SourceName
  readonly found: boolean
  readonly detail: string
}

/** Which TensorFlow trains here, and what was tried before it. */
export interface TensorflowReport extends Works {
  readonly source: SourceName
  readonly tried: readonly Finding[]
}
