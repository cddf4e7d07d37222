import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { FRAMEWORK, LIBRARY, libraryOf } from './python.ts'

test('a Python offers its TensorFlow only with the libraries a binding needs, and else says what it lacks', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'baton-python-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const python = { executable: '/usr/bin/python3', hasPip: true }
  expect(() => libraryOf({ ...python, tensorflow: null })).toThrow('/usr/bin/python3 has no tensorflow')
  expect(() => libraryOf({ ...python, tensorflow: folder })).toThrow(/too old/)

  await writeFile(path.join(folder, LIBRARY), '')
  await writeFile(path.join(folder, FRAMEWORK), '')
  expect(libraryOf({ ...python, tensorflow: folder })).toBe(folder)
})
