import { tensorflowCache } from './prepare.ts'
import type { Finding, TensorflowReport } from './source.ts'
import { allSources } from './sources.ts'
import { readStamp } from './stamp.ts'

export interface TensorflowDescription {
  /** What the last preparation chose and tried; null before the first, or where that is no longer there. */
  readonly ready: TensorflowReport | null
  /** What each source has or lacks now. */
  readonly sources: readonly Finding[]
}

/** Says which TensorFlow is in use and which there are, for `baton doctor`. Fetches, compiles and changes nothing. */
export async function describeTensorflow(options: { cacheDir?: string } = {}): Promise<TensorflowDescription> {
  const cache = tensorflowCache(options.cacheDir)
  const sources: Finding[] = []
  for (const source of allSources(cache))
    sources.push(
      await source.inspect().then(
        (detail) => ({ source: source.name, found: true, detail }),
        (error: unknown) => ({ source: source.name, found: false, detail: (error as Error).message }),
      ),
    )
  return { ready: await readStamp(cache), sources }
}
