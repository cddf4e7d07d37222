import path from 'node:path'
import { expect, test } from 'vitest'
import { benchmarksPage } from './benchmarks-page.ts'
import { catalog } from './catalog.ts'
import { readRecordings } from './recording.ts'
import type { Recording } from './recording.ts'

const recording: Recording = {
  benchmark: 'one',
  summary: 'how fast it is',
  machine: {
    processor: 'A Processor',
    cores: 2,
    instructions: ['avx2'],
    memoryGiB: 24,
    system: 'Linux 6.1 x86_64',
    node: '20.20.2',
    load: 0.1,
  },
  tensorflow: 'TensorFlow 2.15.1 (fetched)',
  date: '2026-11-28T04:00:00.000Z',
  seconds: 130,
  commit: 'abc',
  repetitions: 3,
  notes: ['of each, the peer first'],
  figures: [
    { name: 'ours ÷ peer', unit: '×', values: [1.4, 1.2, 1.3], goal: { atLeast: 1.2 } },
    { name: 'with bf16', unit: '×', values: [], goal: { atLeast: 1.5 }, lacking: 'no such processor' },
  ],
}

test('docs/benchmarks.md says what the stored recordings say, and nothing else', async () => {
  const recordings = await readRecordings(path.join(import.meta.dirname, 'recorded'))
  const page = benchmarksPage(Object.keys(catalog), recordings)
  await expect(page).toMatchFileSnapshot('../docs/benchmarks.md')
})

test('a recording shows its figures, goals and circumstances, and what could not be measured', () => {
  const page = benchmarksPage(['one', 'two'], new Map([['one', recording]]))
  expect(page).toContain('| ours ÷ peer | 1.2 | 1.3 | 1.4 | × | ≥ 1.2 | met |')
  expect(page).toContain('| with bf16 | – | – | – | × | ≥ 1.5 | not measured: no such processor |')
  expect(page).toContain('How fast it is. Of each, the peer first.')
  expect(page).toContain('on 2026-11-28 in 2 min, 3 repetitions at commit abc')
  expect(page).toContain('## two\n\nNot recorded yet')
})
