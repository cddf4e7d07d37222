import { z } from 'zod'
import { Id, Slug } from './ids.ts'
import { Moment } from './resources.ts'

/** A paired chat: it is told of events. */
export const Chat = z.strictObject({
  id: Id,
  /** Telegram's id; 0 is the terminal. */
  chatId: z.int(),
  title: z.string(),
  /** The project that its commands mean when they name none. */
  project: Slug.nullable(),
  /** Until then nothing makes a sound in it. */
  mutedUntil: Moment.nullable(),
  /** Hour of the day, UTC, at which quiet messages come as one; null: each comes by itself. */
  digestHour: z.int().min(0).max(23).nullable(),
})
export type Chat = z.infer<typeof Chat>
