import type { Io } from '../io.ts'

const codes = { red: 31, green: 32, yellow: 33, cyan: 36, dim: 2, bold: 1 } as const

/** Text in a colour or weight where the terminal has them. */
export function paint(io: Pick<Io, 'terminal'>, style: keyof typeof codes, text: string): string {
  return io.terminal?.hasColours ? `\u001b[${codes[style]}m${text}\u001b[0m` : text
}
