import { plain, title } from '../messages/message.ts'
import type { Command } from './command.ts'
import { digest } from './digest.ts'
import { exp } from './exp.ts'
import { mute, unmute } from './mute.ts'
import { project } from './project.ts'
import { start } from './start.ts'
import { status } from './status.ts'
import { top } from './top.ts'
import { unlink } from './unlink.ts'

const help: Command = {
  name: 'help',
  description: 'What this bot can do',
  answer: async () => helpMessage,
}

/** Every command, in the order that Telegram's menu shows them. */
export const commands: readonly Command[] = [status, top, exp, project, mute, unmute, digest, unlink, help, start]

export const helpMessage = [
  title('Commands'),
  ...commands.map(({ name, description }) => plain(`/${name} – ${description}`)),
]
