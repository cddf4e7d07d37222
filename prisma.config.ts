import { defineConfig } from 'prisma/config'

/** For the `prisma` command line; Baton itself migrates in process (packages/db/src/migrate). */
export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: process.env.DATABASE_URL ?? '' },
})
