/** `text/event-stream` as the HTML standard has it (section 9.2): written by the server, read by the client. */

/** One thing that a stream tells, and its place: who comes back with the place gets what follows it. */
export interface StreamItem<T> {
  readonly place: number
  readonly data: T
}

/** One frame of a stream, as it was read. */
export interface StreamFrame {
  /** Absent where the frame names none: the last one's holds on. */
  readonly id?: string
  /** `message` where the frame names no other. */
  readonly event: string
  /** Empty in a frame that only sets the id. */
  readonly data: string
  /** Pause before the next try, where the frame asks for one. */
  readonly retryMs?: number
}

/** The frame's text. Data are one line: JSON has no line breaks. */
export function frameOf({ id, event, data, retryMs }: Partial<StreamFrame>): string {
  const lines = [
    ...(retryMs === undefined ? [] : [`retry: ${retryMs}`]),
    ...(id === undefined ? [] : [`id: ${id}`]),
    ...(event === undefined ? [] : [`event: ${event}`]),
    ...(data === undefined ? [] : [`data: ${data}`]),
  ]
  return `${lines.join('\n')}\n\n`
}

/** Reads a stream that comes in pieces cut anywhere: takes a piece, gives the frames that it completes. */
export function createFrameReader(): (piece: string) => StreamFrame[] {
  let rest = ''
  let lines: string[] = []
  return (piece) => {
    const parts = (rest + piece).split(/\r\n|\n|\r(?!$)/)
    // What follows the last line break is not whole yet; nor is a CR at the end, which an LF may follow.
    rest = parts.pop()!
    const frames: StreamFrame[] = []
    for (const line of parts) {
      if (line !== '') lines.push(line)
      else {
        if (lines.length > 0) frames.push(frameFrom(lines))
        lines = []
      }
    }
    return frames
  }
}

function frameFrom(lines: readonly string[]): StreamFrame {
  const values = (name: string) =>
    lines.flatMap((line) => {
      const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line)!
      return field === name ? [value!] : []
    })
  const [id, retry] = [values('id').at(-1), values('retry').at(-1)]
  return {
    event: values('event').at(-1) ?? 'message',
    data: values('data').join('\n'),
    ...(id === undefined ? {} : { id }),
    ...(retry !== undefined && /^\d+$/.test(retry) ? { retryMs: Number(retry) } : {}),
  }
}
