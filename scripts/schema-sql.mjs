/**
 * SQL that makes an empty database what prisma/schema.prisma says, from Prisma's own engine as WebAssembly: its
 * binary is a download that this repository does without. A test holds the migrations to it; to write a migration,
 * compare its output before and after the change:
 *
 *   node scripts/schema-sql.mjs postgres://…/any-database
 */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { PrismaPg } from '@prisma/adapter-pg'
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils'

const require = createRequire(import.meta.url)
const schemaPath = path.resolve(import.meta.dirname, '../prisma/schema.prisma')

/** @param {string} url a PostgreSQL that answers; nothing is changed in it. @returns {Promise<string>} */
export async function schemaSql(url) {
  const content = await readFile(schemaPath, 'utf8')
  const { SchemaEngine } = await loadEngine()
  const adapter = bindMigrationAwareSqlAdapterFactory(new PrismaPg({ connectionString: url }))
  const engine = await SchemaEngine.new({ datamodels: [['schema.prisma', content]] }, () => undefined, adapter)
  const { stdout } = await engine.diff({
    from: { tag: 'empty' },
    to: { tag: 'schemaDatamodel', files: [{ path: 'schema.prisma', content }] },
    script: true,
    shadowDatabaseUrl: null,
    exitCode: null,
    filters: { externalTables: [], externalEnums: [] },
  })
  return stdout
}

/**
 * The engine's JavaScript expects a bundler to join it with its WebAssembly; this does it by hand, past the package's
 * `exports`, which name the bundler's entry only.
 */
async function loadEngine() {
  const folder = path.dirname(require.resolve('@prisma/schema-engine-wasm'))
  const engine = await import(pathToFileURL(path.join(folder, 'schema_engine_bg.js')).href)
  const bytes = await readFile(path.join(folder, 'schema_engine_bg.wasm'))
  const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': engine })
  engine.__wbg_set_wasm(instance.exports)
  instance.exports.__wbindgen_start()
  return engine
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await schemaSql(process.argv[2]))
