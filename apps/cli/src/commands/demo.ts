import type { Command } from 'commander'
import { runDemo } from '../demo/run-demo.ts'
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
    .action((options: { keep?: boolean }) => runDemo(io, { keep: options.keep ?? false }))
}
