import { expect, test } from 'vitest'
import { checkSameWork } from './same-work.ts'

const peer = { title: 'Peer', tolerance: 0.01 }
const reference = { parameters: 10, losses: [0.7, 0.6] }

test('a peer that trains a net of another size, or comes to other losses, is not compared with', () => {
  expect(() => checkSameWork(peer, { parameters: 10, losses: [0.701, 0.599] }, reference)).not.toThrow()
  expect(() => checkSameWork(peer, { parameters: 11, losses: [0.7, 0.6] }, reference)).toThrow('11 numbers, not 10')
  for (const losses of [[0.7, 0.62], [0.7, NaN], [0.7]])
    expect(() => checkSameWork(peer, { parameters: 10, losses }, reference)).toThrow('Peer does not train alike')
})
