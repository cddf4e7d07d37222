/** An answer with `ok: false`, as the Bot API words it. */
export class BotApiError extends Error {
  override readonly name = 'BotApiError'
  readonly status: number
  readonly parameters: Readonly<Record<string, number>> | undefined

  constructor(status: number, description: string, parameters?: Readonly<Record<string, number>>) {
    super(description)
    this.status = status
    this.parameters = parameters
  }
}

export function badRequest(description: string): BotApiError {
  return new BotApiError(400, `Bad Request: ${description}`)
}
