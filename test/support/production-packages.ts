import { readFileSync } from 'node:fs'
import { root } from './images.ts'

interface Locked {
  readonly link?: boolean
  readonly resolved?: string
  readonly dependencies?: Readonly<Record<string, string>>
}

/**
 * Names of the npm packages that `npm ci --omit=dev --omit=optional --workspace=<workspace>` installs for the
 * workspace itself: its dependencies and those of the workspace's packages that it names, without what these need.
 */
export function productionPackages(workspace: string): Set<string> {
  const { packages } = JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8')) as {
    packages: Record<string, Locked>
  }
  const names = new Set<string>()
  const seen = new Set<string>()
  const visit = (folder: string): void => {
    if (seen.has(folder)) return
    seen.add(folder)
    for (const name of Object.keys(packages[folder]?.dependencies ?? {})) {
      const locked = packages[`node_modules/${name}`]
      if (locked?.link) visit(locked.resolved!)
      else names.add(name)
    }
  }
  visit(workspace)
  return names
}
