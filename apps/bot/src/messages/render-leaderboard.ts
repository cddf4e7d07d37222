import type { LeaderboardRow } from '@baton/contracts'
import { scoreText } from './format.ts'
import { fixed, plain, title } from './message.ts'
import type { Message } from './message.ts'

/** Columns that a phone shows of fixed-width text without breaking a line. */
export const columns = 46

/** A project's leaderboard, best CV first: version, CV, LB and what fits of the name. */
export function renderLeaderboard(project: string, rows: readonly LeaderboardRow[]): Message {
  if (rows.length === 0) return [title(project), plain('No experiment is completed yet.')]
  return [title(project), fixed(rowText('', 'CV', 'LB', '')), ...rows.map(line)]
}

function line({ version, cv, lbPublic, name }: LeaderboardRow) {
  return fixed(rowText(`#${version}`, scoreText(cv ?? null), scoreText(lbPublic ?? null), name ?? ''))
}

function rowText(version: string, cv: string, lb: string, name: string): string {
  const scores = `${version.padEnd(5)} ${cv.padStart(7)} ${lb.padStart(7)} `
  return (scores + cut(name, columns - scores.length)).trimEnd()
}

/** At most `max` columns, counted in code points. */
export function cut(text: string, max: number): string {
  const characters = [...text]
  return characters.length <= max ? text : `${characters.slice(0, max - 1).join('')}…`
}
