import { expect, test } from 'vitest'
import { anIo } from '../fixtures/an-io.ts'
import { createProgress } from './progress.ts'

function fakeIo(columns: number | null) {
  const lines: string[] = []
  const written: string[] = []
  const io = anIo({
    out: (line) => void lines.push(line),
    err: (line) => void lines.push(line),
    terminal: columns === null ? null : { write: (text) => void written.push(text), columns, hasColours: false },
  })
  return { io, lines, written }
}

test('in a pipe a line is printed at each tenth, and no control sequence', () => {
  const { io, lines } = fakeIo(null)
  const progress = createProgress(io)
  for (let done = 0; done <= 100; done++) progress.update('upload', done, 100, `${done} MB`)
  progress.end()
  expect(lines).toHaveLength(11)
  expect(lines.slice(0, 2)).toEqual(['upload   0% 0 MB', 'upload  10% 10 MB'])
})

test('on a terminal each thing has one bar, redrawn in place and no longer than a line', () => {
  const { io, written } = fakeIo(40)
  let nowMs = 0
  const progress = createProgress(io, { now: () => nowMs })
  progress.update('a', 1, 2, 'x'.repeat(80))
  progress.update('bb', 0, 0)
  nowMs = 1000
  progress.update('a', 1, 4)
  expect(written.at(-2)).toBe('\u001b[2A\r\u001b[J')
  const drawn = written.at(-1)!.split('\n').filter(Boolean)
  expect(drawn.map((line) => line.slice(0, 4))).toEqual(['a   ', 'bb  '])
  for (const line of written.flatMap((text) => text.split('\n'))) expect(line.length).toBeLessThan(40)
})

test('bars are not redrawn more often than a person can see, but their end always is', () => {
  const { io, written } = fakeIo(80)
  const progress = createProgress(io, { now: () => 0 })
  for (let done = 0; done < 1000; done++) progress.update('a', done, 1000)
  const before = written.length
  progress.update('a', 1000, 1000)
  expect(before).toBeLessThan(5)
  expect(written.at(-1)).toContain('100%')
})

test('a line that stays is printed above the bars', () => {
  const { io, lines, written } = fakeIo(80)
  const progress = createProgress(io)
  progress.update('a', 1, 2)
  progress.print('fold 0 completed')
  expect(lines).toEqual(['fold 0 completed'])
  expect(written.at(-1)).toContain('50%')
})
