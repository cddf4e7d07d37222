import type { Command } from 'commander'
import type { Io } from '../io.ts'
import { example } from './options.ts'

export function demoCommand(program: Command, io: Io): void {
  program
    .command('demo')
    .summary('show all of it on emoji art, in about two minutes')
    .description(
      'Starts everything on a folder of its own, trains a 5-fold experiment over short sessions of which one is\n' +
        'killed, then trains a fold again without interruption and compares the weights. Nothing is left behind.',
    )
    .option('--keep', 'leave it running, with an address and a token, until Ctrl-C')
    .addHelpText('after', example('baton demo', 'baton demo --keep'))
    .action(async (options: { keep?: boolean }) => {
      const { runDemo } = await import('../demo/run-demo.ts')
      await runDemo(io, { keep: options.keep ?? false })
    })
}
