import type { Command } from 'commander'
import type { Io } from '../io.ts'
import type { BackupOptions } from '../backup/run-backup.ts'
import { example, jsonOption } from './options.ts'

export function backupCommand(program: Command, io: Io): void {
  program
    .command('backup')
    .summary('copy the database and its objects, while everything runs')
    .description(
      'Copies the database as it is at one moment and every object that it refers to. Into a folder that holds an\n' +
        'earlier backup it fetches only what is new. It reads DATABASE_URL and S3_*, or BATON_DATA, as `baton up` does.',
    )
    .argument('<to>', 'a folder; or a file that ends in .tar; or - for standard output')
    .option('--allow-missing', 'go on though objects that the database refers to are gone; they are listed')
    .addOption(jsonOption())
    .addHelpText('after', example('baton backup /mnt/usb/baton', 'baton backup - | ssh nas "cat > baton.tar"'))
    .action(async (to: string, options: BackupOptions) => {
      const { runBackup } = await import('../backup/run-backup.ts')
      await runBackup(io, to, options)
    })
}
