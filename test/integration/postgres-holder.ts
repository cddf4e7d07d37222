/** A process that runs a database until it is told to end or is killed: started by postgres.test.ts. */
import { startPostgres } from '@baton/postgres'

const postgres = await startPostgres({ dataDir: process.argv[2]!, durability: 'none' })
process.on('message', () => void postgres.stop().then(() => process.disconnect()))
process.on('disconnect', () => process.exit())
process.send!(postgres.url)
