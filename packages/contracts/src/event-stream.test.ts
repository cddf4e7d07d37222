import { expect, test } from 'vitest'
import { createFrameReader, frameOf } from './event-stream.ts'

test('what was written is read again, however it is cut', () => {
  const frames = [
    { id: '7', event: 'message', data: '{"a":"é: b"}' },
    { event: 'problem', data: '{}', retryMs: 1000 },
  ]
  const text = `: a comment\n\n${frames.map(frameOf).join(':\n\n')}`
  for (let size = 1; size <= text.length; size++) {
    const read = createFrameReader()
    const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, (i + 1) * size))
    expect(pieces.flatMap(read).filter(({ data }) => data !== '')).toEqual(frames)
  }
})

test('lines may end as any system ends them, and data may be several', () => {
  const read = createFrameReader()
  expect([...'data: a\r\ndata:b\r\n\r\n'].flatMap(read)).toEqual([{ event: 'message', data: 'a\nb' }])
  expect(createFrameReader()('id: 1\rdata: c\r\rdata: d\n\n')).toEqual([
    { id: '1', event: 'message', data: 'c' },
    { event: 'message', data: 'd' },
  ])
})

test('a frame that only sets the id has no data', () => {
  expect(createFrameReader()(frameOf({ retryMs: 5, id: '3' }))).toEqual([
    { event: 'message', data: '', id: '3', retryMs: 5 },
  ])
})
