import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { defaultCacheDir, makeOnce, removeDrafts } from './cache.ts'

async function aFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'baton-cache-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

test('BATON_CACHE names the cache; without it the user cache folder holds it; an empty variable counts as none', () => {
  expect(defaultCacheDir({ BATON_CACHE: '/c', XDG_CACHE_HOME: '/x' })).toBe('/c')
  expect(defaultCacheDir({ BATON_CACHE: '', XDG_CACHE_HOME: '/x' })).toBe('/x/baton')
  expect(defaultCacheDir({})).toMatch(/\/\.cache\/baton$/)
})

test('a folder is filled once, and seen by nobody before it is whole', async () => {
  const target = path.join(await aFolder(), 'thing')
  let fills = 0
  const fill = async (draft: string) => {
    fills++
    await writeFile(path.join(draft, 'part'), 'x')
    expect(existsSync(target)).toBe(false)
  }
  await makeOnce(target, fill)
  await makeOnce(target, fill)
  expect(fills).toBe(1)
  expect(await readdir(target)).toEqual(['part'])
})

test('a failed fill leaves nothing behind', async () => {
  const folder = await aFolder()
  const fill = async (draft: string) => {
    await writeFile(path.join(draft, 'part'), 'x')
    throw new Error('disk full')
  }
  await expect(makeOnce(path.join(folder, 'thing'), fill)).rejects.toThrow('disk full')
  expect(await readdir(folder)).toEqual([])
})

test('of two that fill the same folder at once, the second finds the first one’s and both are content', async () => {
  const target = path.join(await aFolder(), 'thing')
  const fill = (draft: string) => writeFile(path.join(draft, 'part'), 'x')
  expect(await Promise.all([makeOnce(target, fill), makeOnce(target, fill)])).toEqual([target, target])
  expect(await readdir(path.dirname(target))).toEqual(['thing'])
})

test('what a killed process left half-made is removed, what is whole stays', async () => {
  const folder = await aFolder()
  await mkdir(path.join(folder, 'thing.draft-123/part'), { recursive: true })
  await mkdir(path.join(folder, 'whole'))
  await removeDrafts(folder)
  expect(await readdir(folder)).toEqual(['whole'])
})
