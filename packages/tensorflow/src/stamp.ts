import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, rename, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { versionOf } from './bind.ts'
import { sessionOptionsHeader } from './graph-passes.ts'
import { hasCode } from './has-code.ts'
import { LIBRARY } from './python.ts'
import type { TensorflowReport } from './source.ts'
import { WHEEL_VERSION } from './wheel.ts'

/** What a preparation found, and what it must still be true of. */
interface Stamp {
  readonly tfjsNode: string
  /** What would be fetched: another Baton may want another. */
  readonly wheel: string
  /** What a native module that is compiled here would have added to it. */
  readonly sessionOptions: string
  /** Size and time of the library file, so that an upgrade in place is noticed; null where there is none to link to. */
  readonly libraryFile: string | null
  readonly report: TensorflowReport
}

/** Versions of Node whose native modules differ keep stamps of their own. */
const stampFile = (cache: string) =>
  path.join(cache, `ready-${process.platform}-${process.arch}-${process.versions.modules}.json`)

/** The report of the last preparation, if what it found is still there and unchanged. Reads two files' dates at most. */
export async function readStamp(cache: string): Promise<TensorflowReport | null> {
  const text = await readFile(stampFile(cache), 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return null
    throw error
  })
  if (text === null) return null
  const { tfjsNode, wheel, sessionOptions, libraryFile, report } = JSON.parse(text) as Stamp
  const holds =
    tfjsNode === versionOf('@tensorflow/tfjs-node') &&
    wheel === WHEEL_VERSION &&
    sessionOptions === sessionOptionsHeader &&
    (report.binding === null || existsSync(report.binding)) &&
    libraryFile === (await fileState(report.library))
  return holds ? report : null
}

/** Replaces the stamp in one step. */
export async function writeStamp(cache: string, report: TensorflowReport): Promise<void> {
  const stamp: Stamp = {
    tfjsNode: versionOf('@tensorflow/tfjs-node'),
    wheel: WHEEL_VERSION,
    sessionOptions: sessionOptionsHeader,
    libraryFile: await fileState(report.library),
    report,
  }
  const draft = `${stampFile(cache)}.${randomUUID()}`
  await writeFile(draft, JSON.stringify(stamp, null, 2))
  await rename(draft, stampFile(cache))
}

async function fileState(library: string | null): Promise<string | null> {
  if (library === null) return null
  const file = path.join(library, LIBRARY)
  if (!existsSync(file)) return null
  const { size, mtimeMs } = await stat(file)
  return `${size} bytes of ${mtimeMs}`
}
