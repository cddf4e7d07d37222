import addCompletion from '@bomb.sh/tab/commander'
import type { Command } from 'commander'

/**
 * `baton completion <shell>` prints a script that completes commands and options; the script asks a hidden command of
 * ours, so it stays right when commands change. Called last: it knows the commands that are there by then.
 */
export function completionCommand(program: Command): void {
  const descriptions = new Map(allCommands(program).map((command) => [command, command.description()]))
  // A candidate is one line, with what stands in `--help` of the command above.
  for (const command of descriptions.keys()) command.description(command.summary() || command.description())
  addCompletion(program, { completionCommandName: 'completion' })
  for (const [command, description] of descriptions) command.description(description)
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)]
}
