import type { Command } from 'commander'
import type { Finding, Status } from '../doctor/checks.ts'
import { Exit, exitCodes } from '../exit.ts'
import type { Io } from '../io.ts'
import { paint } from '../output/paint.ts'
import { printJson } from '../output/print.ts'
import { printable } from '../output/text.ts'
import { example, jsonOption } from './options.ts'

const colours = { ok: 'green', warn: 'yellow', fail: 'red' } as const satisfies Record<Status, string>

export function doctorCommand(program: Command, io: Io): void {
  program
    .command('doctor')
    .summary('check what Baton needs on this machine')
    .description('Checks what Baton needs on this machine, one line each; exits 1 if something would not work.')
    .addOption(jsonOption())
    .addHelpText('after', example('baton doctor', 'baton doctor --json'))
    .action(async (options: { json?: boolean }) => {
      const { examine } = await import('../doctor/checks.ts')
      const findings: Finding[] = []
      for await (const finding of examine(io.env)) {
        findings.push(finding)
        if (!options.json) printFinding(io, finding)
      }
      if (options.json) printJson(io, findings)
      if (findings.some(({ status }) => status === 'fail')) throw new Exit(exitCodes.problem)
    })
}

function printFinding(io: Io, { check, status, detail, remedy }: Finding): void {
  const tail = remedy === undefined ? '' : ` - ${remedy}`
  io.out(`${paint(io, colours[status], status.padEnd(4))}  ${check.padEnd(12)}  ${printable(detail)}${tail}`)
}
