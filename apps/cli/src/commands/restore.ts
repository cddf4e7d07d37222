import type { Command } from 'commander'
import type { Io } from '../io.ts'
import type { RestoreOptions } from '../backup/run-restore.ts'
import { example, jsonOption } from './options.ts'

export function restoreCommand(program: Command, io: Io): void {
  program
    .command('restore')
    .summary('make a database and a store what a backup holds')
    .description(
      'Restores a backup into DATABASE_URL and S3_*, or BATON_DATA, on which no Baton runs. The database gets all of it\n' +
        'or stays as it was; what sessions were training then goes on from its last checkpoint.',
    )
    .argument('<from>', 'a folder; or a file; or - for standard input')
    .option('--into <place>', 'a postgresql:// address, or a data folder, instead of DATABASE_URL or BATON_DATA')
    .option('--force', 'replace what the database holds')
    .option('--verify', 'read the backup and compare every byte, and restore nothing')
    .addOption(jsonOption())
    .addHelpText('after', example('baton restore /mnt/usb/baton', 'baton restore baton.tar --into /srv/baton'))
    .action(async (from: string, options: RestoreOptions) => {
      const { runRestore } = await import('../backup/run-restore.ts')
      await runRestore(io, from, options)
    })
}
