import { createLog } from '@baton/log'
import { listenForStop, runSession } from '@baton/worker'
import type { SessionOptions } from '@baton/worker'

/** One session with a scripted training in a process of its own, for what only a process can show: signals, and death. */
const options = JSON.parse(process.argv[2]!) as Omit<SessionOptions, 'log' | 'trainEntry'>
const trainEntry = new URL('./scripted-train.ts', import.meta.url)
const summary = await runSession({ ...options, trainEntry, log: createLog({ app: 'worker' }), ...listenForStop() })
process.send?.(summary)
process.disconnect()
