import { Command } from 'commander'
import manifest from '../package.json' with { type: 'json' }
import { explained } from './client/connect.ts'
import { artifactsCommand } from './commands/artifacts.ts'
import { augmentCommand } from './commands/augment.ts'
import { auditCommand } from './commands/audit.ts'
import { checkpointsCommand } from './commands/checkpoints.ts'
import { cloneCommand, rerunCommand } from './commands/clone.ts'
import { backupCommand } from './commands/backup.ts'
import { codeCommand } from './commands/code.ts'
import { completionCommand } from './commands/completion.ts'
import { datasetCommand } from './commands/dataset.ts'
import { demoCommand } from './commands/demo.ts'
import { doctorCommand } from './commands/doctor.ts'
import { enrolCommand } from './commands/enrol.ts'
import { experimentsCommand } from './commands/experiments.ts'
import { exportCommand } from './commands/export.ts'
import { prioritiseCommand, retryCommand } from './commands/fold.ts'
import { initCommand } from './commands/init.ts'
import { compareCommand } from './commands/compare.ts'
import { lbCommand } from './commands/lb.ts'
import { leaderboardCommand } from './commands/leaderboard.ts'
import { logsCommand } from './commands/logs.ts'
import { matricesCommand, matrixCommand } from './commands/matrix.ts'
import { poolsCommand } from './commands/pools.ts'
import { projectCommand } from './commands/project.ts'
import { providersCommand } from './commands/providers.ts'
import { restoreCommand } from './commands/restore.ts'
import { runCommand } from './commands/run.ts'
import { sessionsCommand } from './commands/sessions.ts'
import { showCommand } from './commands/show.ts'
import { specCommand } from './commands/spec.ts'
import { steerCommands } from './commands/steer.ts'
import { submissionCommand, submissionsCommand } from './commands/submissions.ts'
import { ensembleCommand } from './commands/ensemble.ts'
import { submitCommand } from './commands/submit.ts'
import { telegramCommand } from './commands/telegram.ts'
import { tokenCommand } from './commands/token.ts'
import { upCommand } from './commands/up.ts'
import { workerCommand } from './commands/worker.ts'
import { exitCodes } from './exit.ts'
import type { Io } from './io.ts'
import { reportEnd } from './output/problem.ts'

/** In the order that a person meets them. */
const commands = [
  demoCommand,
  upCommand,
  doctorCommand,
  projectCommand,
  datasetCommand,
  codeCommand,
  initCommand,
  specCommand,
  augmentCommand,
  runCommand,
  experimentsCommand,
  showCommand,
  logsCommand,
  leaderboardCommand,
  ensembleCommand,
  submitCommand,
  submissionsCommand,
  submissionCommand,
  compareCommand,
  matrixCommand,
  matricesCommand,
  lbCommand,
  artifactsCommand,
  exportCommand,
  checkpointsCommand,
  steerCommands,
  cloneCommand,
  rerunCommand,
  retryCommand,
  prioritiseCommand,
  poolsCommand,
  sessionsCommand,
  enrolCommand,
  tokenCommand,
  auditCommand,
  workerCommand,
  providersCommand,
  telegramCommand,
  backupCommand,
  restoreCommand,
  completionCommand,
]

/** All commands, ready to parse a command line. */
export function createProgram(io: Io): Command {
  const program = new Command('baton')
    .description(manifest.description)
    .version(manifest.version)
    .configureOutput({ writeOut: (text) => io.out(text.trimEnd()), writeErr: (text) => io.err(text.trimEnd()) })
    .showHelpAfterError('(add --help to see how it is used)')
    .exitOverride()
    .addHelpText('after', exitCodeHelp)
  for (const add of commands) add(program, io)
  return program
}

/**
 * Runs one command line.
 *
 * @param args What stands after `baton`.
 * @returns The exit code.
 */
export async function runCli(args: readonly string[], io: Io): Promise<number> {
  try {
    await createProgram(io).parseAsync(args, { from: 'user' })
    return exitCodes.ok
  } catch (error) {
    return reportEnd(io, explained(error))
  }
}

const exitCodeHelp = `
Exit codes: 0 done, 1 a problem, 2 the command line is not right, 3 the watched experiment failed.
Environment: BATON_URL (default http://127.0.0.1:4000), BATON_TOKEN (default the one that \`baton up\` keeps in
BATON_DATA), BATON_PROJECT.`
