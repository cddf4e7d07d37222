import { existsSync } from 'node:fs'
import path from 'node:path'
import { root } from './images.ts'

export type App = 'api' | 'coordinator' | 'bot' | 'worker'

/**
 * The folder of an app's bundle.
 *
 * @throws {Error} where it was not built: these tests run what is shipped, not the source
 */
export function distOf(app: App): string {
  const folder = path.join(root, 'apps', app, 'dist')
  if (!existsSync(path.join(folder, 'main.js'))) throw new Error(`apps/${app} is not built; run npm run build first`)
  return folder
}
