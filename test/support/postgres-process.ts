/** A process that runs a database at a given port until it is told to end or is killed: started by chaos.test.ts. */
import { createLog } from '@baton/log'
import { startPostgres } from '@baton/postgres'

const { dataDir, port } = JSON.parse(process.argv[2]!) as { dataDir: string; port: number }
const postgres = await startPostgres({ dataDir, port, log: createLog({ app: 'postgres' }) })
process.on('SIGTERM', () => void postgres.stop().then(() => process.exit()))
process.on('disconnect', () => process.exit())
process.send!(postgres.url)
