/** A process that hosts the embedded S3 endpoint until it is killed: started by s3-endpoint.test.ts. */
import { startS3Server } from './s3-server.ts'

const { databaseUrl, directory } = JSON.parse(process.argv[2]!) as { databaseUrl: string; directory: string }
const server = await startS3Server(databaseUrl, directory)
process.send!(server.url)
process.on('disconnect', () => process.exit())
