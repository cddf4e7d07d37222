import { expect, test } from 'vitest'
import { count, formatBytes, formatScore, formatSeconds, printable, printableLines, shortDigest } from './text.ts'

test('text from elsewhere cannot steer the terminal', () => {
  const hostile = 'ok\u001b[2J\u001b]0;title\u0007\r\u009b1A\u202Edone\ttab é 😀'
  expect(printable(hostile)).toBe('ok\ufffd[2J\ufffd]0;title\ufffd\ufffd\ufffd1A\ufffddone\ttab é 😀')
  expect(printableLines('a\r\nb\u0000')).toEqual(['a', 'b\ufffd'])
})

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [12_345_678, '12.3 MB'],
  [3.2e15, '3200.0 TB'],
])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text))

test.each([
  [0.2, '0 s'],
  [59.6, '1 min'],
  [61, '1 min 1 s'],
  [3600, '1 h'],
  [11_580, '3 h 13 min'],
  [90_061, '25 h 1 min'],
])('%d seconds are %s', (seconds, text) => expect(formatSeconds(seconds)).toBe(text))

test('absent values show as a dash, numbers with their noun', () => {
  expect([formatScore(null), formatScore(0.61234), shortDigest(null)]).toEqual(['-', '0.6123', '-'])
  expect([count(1, 'fold'), count(0, 'fold')]).toEqual(['1 fold', '0 folds'])
})
