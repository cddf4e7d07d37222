import { inspect } from 'node:util'

const shown = '[secret]'

/** A value that shows as `[secret]` wherever it is printed, logged or made JSON; only `reveal` gives it out. */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  toString(): string {
    return shown
  }

  toJSON(): string {
    return shown
  }

  [inspect.custom](): string {
    return shown
  }
}
