import type { Command } from 'commander'
import type { Io } from '../io.ts'
import type { UpOptions } from '../up/run-up.ts'
import { example, jsonOption, numberArgument } from './options.ts'

export function upCommand(program: Command, io: Io): void {
  program
    .command('up')
    .summary('run Baton on this machine')
    .description(
      'Runs API, coordinator and bot in one process, on an embedded PostgreSQL and an embedded object store unless\n' +
        'DATABASE_URL, REDIS_URL or S3_* name others. Ctrl-C ends it in order.',
    )
    .option(
      '--workers <n>',
      'worker sessions to keep running beside it',
      numberArgument({ min: 0, max: 64, isWhole: true }),
      0,
    )
    .option('--session-seconds <seconds>', 'how long such a session lasts (default no end)', numberArgument({ min: 1 }))
    .addOption(jsonOption().default(undefined, 'once it runs, one line'))
    .addHelpText('after', example('baton up', 'baton up --workers 2 --session-seconds 3600'))
    .action(async (options: UpOptions) => {
      // Loaded only here: the other commands start in a fraction of the time without the services.
      const { runUp } = await import('../up/run-up.ts')
      await runUp(io, options)
    })
}
