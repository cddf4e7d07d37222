import type { Command } from 'commander'
import { expect, test } from 'vitest'
import { createProgram } from './cli.ts'
import { anIo } from './fixtures/an-io.ts'

const program = createProgram(anIo())

/** `path` is what stands after `baton`. Commands that only gather others are left out, and so are the completion's. */
function leaves(command: Command, path: readonly string[] = []): { path: string; command: Command }[] {
  if (command.commands.length === 0) return [{ path: path.join(' '), command }]
  return command.commands.flatMap((child) => leaves(child, [...path, child.name()]))
}
const commands = leaves(program).filter(({ path }) => !['complete', 'completion'].includes(path))

/** They run until they are ended, or print the object itself. */
const withoutJson = ['demo', 'up', 'worker']

test.each(commands)('baton $path says what it does, shows an example, and prints JSON', ({ path, command }) => {
  let help = ''
  command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
  expect(command.description()).toMatch(/^[A-Z][^]*\.$/)
  expect(help).toContain('Example')
  expect(command.options.some(({ long }) => long === '--json') || withoutJson.includes(path)).toBe(true)
})
