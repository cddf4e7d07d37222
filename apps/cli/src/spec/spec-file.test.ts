import { AppError, isAppError } from '@baton/contracts'
import { expect, test } from 'vitest'
import { UsageError } from '../exit.ts'
import { readSpecFile, withPlaces } from './spec-file.ts'

const yaml = `name: first
folds: { count: 5 }
stages:
  - name: head
    epochs: 1
    schedule:
      name: constant
      lr: -1
`

test('a place is the line and column of what a pointer names', () => {
  const file = readSpecFile(yaml, 'spec.yaml')
  expect(file.place('/stages/0/schedule/lr')).toBe('spec.yaml:8:7')
  expect(file.place('/folds/count')).toBe('spec.yaml:2:10')
  expect(file.place('')).toBe('spec.yaml:1:1')
})

test('what lacks is placed where it belongs', () => {
  const file = readSpecFile(yaml, 'spec.yaml')
  expect(file.place('/stages/0/optimizer/name')).toBe('spec.yaml:4:5')
  expect(file.place('/stages/7')).toBe('spec.yaml:3:1')
  expect(file.place('/model')).toBe('spec.yaml:1:1')
})

test('places follow an alias, and pointers with escaped characters', () => {
  const file = readSpecFile('base: &b { a/b: 1 }\nuse: *b\n', 's.yaml')
  expect(file.place('/base/a~1b')).toBe('s.yaml:1:12')
  expect(file.place('/use/a~1b')).toBe('s.yaml:1:12')
})

test('JSON is read too, tabs included', () => {
  const file = readSpecFile('{\n\t"name": "first",\n\t"folds": {"count": 5}\n}\n', 'spec.json')
  expect(file.value).toEqual({ name: 'first', folds: { count: 5 } })
  expect(file.place('/folds/count')).toBe('spec.json:3:12')
})

test('what is not YAML is refused with its place', () => {
  const broken = () => readSpecFile('name: a\nname: b\nfolds: [1\n', 'spec.yaml')
  expect(broken).toThrow(AppError)
  try {
    broken()
  } catch (error) {
    expect(isAppError(error, 'spec-invalid') && error.faults.map((fault) => fault.pointer)).toEqual(
      expect.arrayContaining(['spec.yaml:2:1']),
    )
  }
})

test('--set lays values of any YAML type over the file', () => {
  const changes = ['stages.0.epochs=3', 'name=a = b', 'folds={count: 2}', 'image.size=32', 'earlyStop=null']
  const file = readSpecFile(yaml, 'spec.yaml', changes)
  expect(file.value).toMatchObject({
    name: 'a = b',
    folds: { count: 2 },
    stages: [{ epochs: 3, name: 'head' }],
    image: { size: 32 },
    earlyStop: null,
  })
  expect(file.place('/stages/0/epochs')).toBe('--set stages.0.epochs')
})

test('--set names a stage by its name, takes it out, adds one', () => {
  const valueOf = (...changes: string[]) =>
    (readSpecFile(yaml, 'spec.yaml', changes).value as { stages: unknown }).stages
  const head = { name: 'head', epochs: 1, schedule: { name: 'constant', lr: -1 } }
  expect(valueOf('stages.head.epochs=3', 'stages.head.schedule.lr=0.1')).toEqual([
    { name: 'head', epochs: 3, schedule: { name: 'constant', lr: 0.1 } },
  ])
  expect(valueOf('stages.fine={epochs: 2}', 'stages.fine.batch=8')).toEqual([
    head,
    { name: 'fine', epochs: 2, batch: 8 },
  ])
  expect(valueOf('stages.fine={epochs: 2}', 'stages.head=null')).toEqual([{ name: 'fine', epochs: 2 }])
})

test.each(['seed', '=3', 'name.first=3', 'name=[1'])('--set %s is a usage error that says so', (change) => {
  expect(() => readSpecFile(yaml, 'spec.yaml', [change])).toThrow(UsageError)
  expect(() => readSpecFile(yaml, 'spec.yaml', [change])).toThrow(/--set/)
})

test('faults get their place, other problems stay as they are', () => {
  const file = readSpecFile(yaml, 'spec.yaml')
  const invalid = new AppError(
    'spec-invalid',
    {},
    { faults: [{ pointer: '/stages/0/schedule/lr', detail: 'is wrong' }] },
  )
  expect(withPlaces(invalid, file)).toMatchObject({
    code: 'spec-invalid',
    faults: [{ pointer: 'spec.yaml:8:7  /stages/0/schedule/lr', detail: 'is wrong' }],
  })
  const other = new AppError('not-found')
  expect(withPlaces(other, file)).toBe(other)
})
