import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import wabt from 'wabt'

test('what resizes pictures is assembled from its source', async () => {
  const tools = await wabt()
  const module = tools.parseWat('resize.wat', await readFile(new URL('./resize.wat', import.meta.url)), { simd: true })
  module.validate()
  const text = Buffer.from(module.toBinary({}).buffer).toString('base64')
  await expect(`/** \`resize.wat\`, assembled: its test writes this. */
export const resizeWasm =
  '${text}'
`).toMatchFileSnapshot('./resize-wasm.ts')
})
