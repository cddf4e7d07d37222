import { AppError, problems } from '@baton/contracts'
import { CommanderError } from 'commander'
import { expect, test } from 'vitest'
import { Exit, UsageError } from '../exit.ts'
import { anIo } from '../fixtures/an-io.ts'
import { reportEnd } from './problem.ts'

function report(error: unknown) {
  const lines: string[] = []
  const io = anIo({ err: (line) => void lines.push(line) })
  return { code: reportEnd(io, error), lines }
}

test('a problem is printed as title, detail, faults and remedy, and exits 1', () => {
  const error = new AppError(
    'spec-invalid',
    {},
    {
      detail: 'two things',
      faults: [
        { pointer: '/name', detail: 'is missing' },
        { pointer: '/folds/count', detail: 'must be at least 2, not 1' },
      ],
    },
  )
  expect(report(error)).toEqual({
    code: 1,
    lines: [
      'problem: The experiment spec is not valid (spec-invalid)',
      '  two things',
      '  /name         is missing',
      '  /folds/count  must be at least 2, not 1',
      `what to do: ${problems['spec-invalid'].remedy}`,
    ],
  })
})

test('a thousand faults do not flood the terminal', () => {
  const faults = Array.from({ length: 1000 }, (_, i) => ({ pointer: `/samples/${i}`, detail: 'is broken' }))
  const { lines } = report(new AppError('manifest-invalid', {}, { faults }))
  expect(lines).toHaveLength(53)
  expect(lines.at(-2)).toBe('  and 950 more')
})

test('usage exits 2, what was said already says no more, a bug shows its stack', () => {
  expect(report(new UsageError('give --images'))).toEqual({ code: 2, lines: ['usage: give --images'] })
  expect(report(new CommanderError(1, 'commander.unknownOption', ''))).toEqual({ code: 2, lines: [] })
  expect(report(new CommanderError(0, 'commander.help', ''))).toEqual({ code: 0, lines: [] })
  expect(report(new Exit(3))).toEqual({ code: 3, lines: [] })
  expect(report(new TypeError('boom')).lines[0]).toMatch(/TypeError: boom\n\s+at /)
})
