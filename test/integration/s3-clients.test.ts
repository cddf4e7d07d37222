import { execFile, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { HeadBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { credentials, region } from '../support/s3-credentials.ts'
import { openS3World } from '../support/s3-world.ts'
import type { S3World } from '../support/s3-world.ts'

/** What these clients have in common; each is a program of others that people point at an S3. */
interface Client {
  makeBucket(bucket: string): Promise<unknown>
  /** In parts of 8 MiB where it is larger. */
  upload(file: string, bucket: string, key: string): Promise<unknown>
  download(bucket: string, key: string, file: string): Promise<unknown>
  readRange(bucket: string, key: string, first: number, last: number): Promise<Buffer>
  /** Every key, read in pages of so many. */
  list(bucket: string, page: number): Promise<string[]>
  presignGet(bucket: string, key: string): Promise<string>
  removeAll(bucket: string): Promise<unknown>
}

const chunkBytes = 8 * 1024 * 1024
const environment = {
  PATH: process.env.PATH,
  AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  AWS_DEFAULT_REGION: region,
  AWS_EC2_METADATA_DISABLED: 'true',
  NO_PROXY: '127.0.0.1',
}
let world: S3World
let folder: string
let large: string

beforeAll(async () => {
  world = await openS3World()
  folder = await mkdtemp(path.join(tmpdir(), 'baton-s3-clients-'))
  large = path.join(folder, 'large')
  await writeFile(large, randomBytes(3 * chunkBytes + 12_345))
  // Settings of whoever runs this must not reach the clients, nor theirs this home.
  await writeFile(
    path.join(folder, 'aws-config'),
    `[default]\ns3 =\n  multipart_chunksize = ${chunkBytes}\n  addressing_style = path\n`,
  )
})
afterAll(async () => {
  await world.close()
  await rm(folder, { recursive: true, force: true })
})

async function call(program: string, args: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<Buffer> {
  const env = { ...environment, HOME: folder, AWS_CONFIG_FILE: path.join(folder, 'aws-config'), ...more }
  const options = { env, encoding: 'buffer', maxBuffer: 64 * 1024 * 1024, timeout: 60_000 } as const
  return (await promisify(execFile)(program, args, options)).stdout
}

async function readOut(write: (file: string) => Promise<unknown>): Promise<Buffer> {
  const file = path.join(folder, 'out')
  await write(file)
  return readFile(file)
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const lines = (text: Buffer) => text.toString().split('\n').filter(Boolean)

/** What every one of them must be able to do. */
function conformance(name: string, client: Client, more: (bucket: string) => void) {
  const bucket = `of-${name}`
  const strange = ['ä/€ & +.txt', 'with space']
  const many = Array.from({ length: 15 }, (_, i) => `many/${i}`)

  test('makes a bucket and stores a large file in parts', async () => {
    await client.makeBucket(bucket)
    await client.upload(large, bucket, 'large')
    const attributes = await world.server.pool.query(
      'SELECT cardinality(files) AS parts FROM s3_object WHERE key = $1',
      ['large'],
    )
    expect(attributes.rows).toContainEqual({ parts: 4 })
  })

  test('reads it back, whole and in part', async () => {
    const bytes = await readFile(large)
    expect(sha256(await readOut((file) => client.download(bucket, 'large', file)))).toBe(sha256(bytes))
    const [first, last] = [chunkBytes - 100, chunkBytes + 99]
    expect((await client.readRange(bucket, 'large', first, last)).equals(bytes.subarray(first, last + 1))).toBe(true)
  })

  test('lists every key once over several pages', async () => {
    const small = path.join(folder, 'small')
    await writeFile(small, 'small')
    for (const key of strange) await client.upload(small, bucket, key)
    for (const Key of many) await world.client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: 'small' }))
    expect((await client.list(bucket, 5)).sort()).toEqual([...strange, ...many, 'large'].sort())
  })

  test('makes an address that reads one object and no other', async () => {
    const url = await client.presignGet(bucket, 'many/3')
    expect(await (await fetch(url)).text()).toBe('small')
    expect((await fetch(url.replace('many/3', 'many/4'))).status).toBe(403)
  })

  more(bucket)

  test('removes the bucket with all that is in it', async () => {
    await client.removeAll(bucket)
    await expect(world.client.send(new HeadBucketCommand({ Bucket: bucket }))).rejects.toMatchObject({
      name: 'NotFound',
    })
  })
}

/** A folder of files, some in folders of their own. */
async function makeTree(): Promise<string> {
  const tree = await mkdtemp(path.join(folder, 'tree-'))
  await mkdir(path.join(tree, 'inner/deep'), { recursive: true })
  for (const [i, name] of ['a', 'b c', 'inner/d', 'inner/deep/é'].entries())
    await writeFile(path.join(tree, name), randomBytes(1000 * i))
  return tree
}

async function readTree(tree: string): Promise<Record<string, string>> {
  const entries = await readdir(tree, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
  const contents = files.sort().map(async (file) => [path.relative(tree, file), sha256(await readFile(file))])
  return Object.fromEntries((await Promise.all(contents)) as [string, string][])
}

// The one of Debian: an older aws of version 1 may come first in PATH.
const awsCli = '/usr/bin/aws'
describe.skipIf(!spawnSync(awsCli, ['--version']).stdout?.toString().startsWith('aws-cli/2'))('aws-cli 2', () => {
  const aws = (...args: string[]) => call(awsCli, ['--endpoint-url', world.server.url, ...args])
  const client: Client = {
    makeBucket: (bucket) => aws('s3', 'mb', `s3://${bucket}`),
    upload: (file, bucket, key) => aws('s3', 'cp', file, `s3://${bucket}/${key}`),
    download: (bucket, key, file) => aws('s3', 'cp', `s3://${bucket}/${key}`, file),
    readRange: (bucket, key, first, last) =>
      readOut((file) =>
        aws('s3api', 'get-object', '--bucket', bucket, '--key', key, '--range', `bytes=${first}-${last}`, file),
      ),
    async list(bucket, page) {
      const paged = ['--bucket', bucket, '--page-size', String(page), '--query', 'Contents[].Key', '--output', 'json']
      return JSON.parse((await aws('s3api', 'list-objects-v2', ...paged)).toString()) as string[]
    },
    presignGet: async (bucket, key) => (await aws('s3', 'presign', `s3://${bucket}/${key}`)).toString().trim(),
    removeAll: (bucket) => aws('s3', 'rb', '--force', `s3://${bucket}`),
  }
  conformance('aws-cli', client, (bucket) => {
    test('syncs a folder both ways, and sends nothing again', async () => {
      const tree = await makeTree()
      await aws('s3', 'sync', tree, `s3://${bucket}/tree`)
      expect((await aws('s3', 'sync', tree, `s3://${bucket}/tree`)).toString()).toBe('')
      const copy = path.join(folder, 'aws-copy')
      await aws('s3', 'sync', `s3://${bucket}/tree`, copy)
      expect(await readTree(copy)).toEqual(await readTree(tree))
    })

    test('copies an object of several parts beside itself', async () => {
      await aws('s3', 'cp', `s3://${bucket}/large`, `s3://${bucket}/copied`)
      const copied = await readOut((file) => client.download(bucket, 'copied', file))
      expect(sha256(copied)).toBe(sha256(await readFile(large)))
    })
  })
})

describe.skipIf(spawnSync('rclone', ['version']).status !== 0)('rclone', () => {
  const remote = () => `:s3,provider=Other,env_auth=true,region=${region},endpoint='${world.server.url}':`
  const rclone = (...args: string[]) =>
    call('rclone', ['--s3-chunk-size=8Mi', '--s3-upload-cutoff=8Mi', '--config=', ...args])
  const client: Client = {
    makeBucket: (bucket) => rclone('mkdir', `${remote()}${bucket}`),
    upload: (file, bucket, key) => rclone('copyto', file, `${remote()}${bucket}/${key}`),
    download: (bucket, key, file) => rclone('copyto', `${remote()}${bucket}/${key}`, file),
    readRange: (bucket, key, first, last) =>
      rclone('cat', `--offset=${first}`, `--count=${last - first + 1}`, `${remote()}${bucket}/${key}`),
    list: async (bucket, page) =>
      lines(await rclone('lsf', '--recursive', '--files-only', `--s3-list-chunk=${page}`, `${remote()}${bucket}`)),
    presignGet: async (bucket, key) =>
      (await rclone('link', '--expire=60s', `${remote()}${bucket}/${key}`)).toString().trim(),
    removeAll: (bucket) => rclone('purge', `${remote()}${bucket}`),
  }
  conformance('rclone', client, (bucket) => {
    test('syncs a folder both ways and checks it byte by byte', async () => {
      const tree = await makeTree()
      const there = `${remote()}${bucket}/tree`
      await rclone('sync', tree, there)
      await rclone('check', '--download', tree, there)
      const copy = path.join(folder, 'rclone-copy')
      await rclone('sync', there, copy)
      expect(await readTree(copy)).toEqual(await readTree(tree))
      await writeFile(path.join(tree, 'a'), 'changed')
      await expect(rclone('check', tree, there)).rejects.toThrow('differences found')
    })
  })
})

const boto3 = { PYTHONPATH: process.env.BATON_TEST_BOTO3 }
const hasBoto3 = spawnSync('python3', ['-c', 'import boto3'], { env: { ...environment, ...boto3 } }).status === 0
describe.skipIf(!hasBoto3)('boto3', () => {
  const script = fileURLToPath(new URL('../support/s3_boto3.py', import.meta.url))
  const act = async <T>(action: string, args: object): Promise<T> =>
    JSON.parse(
      (
        await call('python3', [script, action, JSON.stringify({ endpoint: world.server.url, ...args })], boto3)
      ).toString(),
    ) as T
  const client: Client = {
    makeBucket: (bucket) => act('make_bucket', { bucket }),
    upload: (file, bucket, key) => act('upload', { path: file, bucket, key }),
    download: (bucket, key, file) => act('download', { path: file, bucket, key }),
    readRange: (bucket, key, first, last) =>
      readOut((file) => act('read_range', { bucket, key, first, last, path: file })),
    async list(bucket, page) {
      const { keys, pages } = await act<{ keys: string[]; pages: number }>('list_keys', { bucket, page })
      expect(pages).toBe(Math.ceil(keys.length / page))
      return keys
    },
    presignGet: (bucket, key) => act('presign', { method: 'get_object', bucket, key }),
    removeAll: (bucket) => act('remove_bucket', { bucket }),
  }
  conformance('boto3', client, (bucket) => {
    test('makes an address that writes one object', async () => {
      const url = await act<string>('presign', { method: 'put_object', bucket, key: 'put' })
      expect((await fetch(url, { method: 'PUT', body: 'from elsewhere' })).status).toBe(200)
      expect((await readOut((file) => client.download(bucket, 'put', file))).toString()).toBe('from elsewhere')
    })

    test('is told that an object is there already', async () => {
      expect(await act('put_if_absent', { bucket, key: 'put' })).toBe(412)
      expect(await act('put_if_absent', { bucket, key: 'absent' })).toBe(200)
    })
  })
})
