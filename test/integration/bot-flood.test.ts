import { deliverNotifications } from '@baton/core'
import { runSql } from '@baton/testing'
import { expect, test } from 'vitest'
import { telegramMessenger } from '../../apps/bot/src/jobs/telegram-messenger.ts'
import { botApi } from '../../apps/bot/src/telegram/bot-api.ts'
import { createThrottle } from '../../apps/bot/src/telegram/throttle.ts'
import { writeToChat } from '../../apps/bot/src/telegram/write-to-chat.ts'
import { polling, range, stepOf, told, useBots } from './bot-world.ts'

const bots = useBots()

const chats = [7, 8, 9, -10]
const perChat = 2500
/** One in twenty is urgent. */
const urgent = range(perChat).filter((step) => step % 20 === 0)

test('10,000 notifications reach several chats in order, none lost, though Telegram refuses many; no chat waits for another', async () => {
  const { store, databaseUrl } = bots.world
  let now = 0
  const telegram = await bots.startTelegram({ limit: { burst: 2, perSecond: 0.7 }, now: () => now })
  const api = botApi(polling(telegram))
  const write = writeToChat({ store, throttle: createThrottle({ now: () => now }) })
  const messenger = telegramMessenger({ api, store, write })
  for (const chatId of chats) {
    await telegram.user.text(chatId, 'hello')
    await store.chats.pair({ chatId, title: `chat ${chatId}` })
  }
  await runSql(databaseUrl, floodSql(bots.experiment.id))
  telegram.failNext({ kind: 'server-error' }, { times: 5 })
  telegram.failNext({ kind: 'lost-answer' }, { chatId: 8, times: 2 })

  // The queue, with a clock that does not wait: each chat's delivery runs again when its pause is over.
  const dueAt = new Map((await store.chats.list()).map(({ id }) => [id, 0]))
  while (dueAt.size > 0) {
    const [chat, at] = [...dueAt].reduce((first, other) => (other[1] < first[1] ? other : first))
    now = Math.max(now, at)
    const pause = await deliverNotifications({ store, messenger }, { chat }).catch(() => 1)
    if (pause !== null) dueAt.set(chat, now + 1000 * pause)
    else {
      // What is held waits for half an hour, which passes at once.
      await runSql(databaseUrl, `UPDATE notification SET held_until = now() WHERE held_until > now()`)
      if (!(await store.notifications.chatsWaiting()).includes(chat)) dueAt.delete(chat)
    }
  }

  const [{ unsent }] = (await runSql(
    databaseUrl,
    'SELECT count(*)::int AS unsent FROM notification WHERE sent_at IS NULL',
  )) as [{ unsent: number }]
  expect(unsent).toBe(0)
  for (const chatId of chats) {
    const texts = telegram.messages.filter(({ chat }) => chat.id === chatId).map(({ text }) => text)
    const digested = texts.reduce((sum, text) => sum + Number(/Digest of (\d+)/.exec(text)?.[1] ?? 0), 0)
    const steps = told(telegram, chatId)
    const [mine, single] = [steps.filter((step) => step % 20 === 0), steps.filter((step) => step % 20 !== 0)]
    // A lost answer tells one again, right after itself.
    const repeats = chatId === 8 ? 2 : 0
    expect(mine).toHaveLength(urgent.length + repeats)
    expect(mine.filter((step, i) => step !== mine[i - 1])).toEqual(urgent)
    expect(single).toEqual([...single].sort((a, b) => a - b))
    expect(single.length + digested).toBe(perChat - urgent.length)
    // Urgent ones first: everything is there from the beginning.
    expect(steps.slice(0, mine.length)).toEqual(mine)
  }
  expect(telegram.calls.length).toBeGreaterThan(telegram.messages.length + 100)
  expect(largestLead([7, 8, 9])).toBeLessThan(10)

  /** By how many urgent messages one of these chats was ever ahead of another. */
  function largestLead(alike: readonly number[]): number {
    const counts = new Map(alike.map((chat) => [chat, 0]))
    const leads = telegram.messages.map((message) => {
      const before = counts.get(message.chat.id)
      if (before !== undefined && (stepOf(message) ?? 1) % 20 === 0) counts.set(message.chat.id, before + 1)
      return Math.max(...counts.values()) - Math.min(...counts.values())
    })
    return Math.max(...leads)
  }
})

/** As many events as each chat is told of, and a notification of each for every chat. */
function floodSql(experimentId: string): string {
  return `
    WITH events AS (
      INSERT INTO event (experiment_id, kind, payload)
      SELECT '${experimentId}', CASE WHEN step % 20 = 0 THEN 'fold-failed' ELSE 'session-lost' END,
        CASE WHEN step % 20 = 0 THEN jsonb_build_object('kind', 'fold-failed', 'fold', 0, 'attempt', 1,
          'failure', jsonb_build_object('code', 'loss-not-finite', 'detail', '', 'lastLines', '[]'::jsonb, 'step', step),
          'outcome', 'given-up', 'retryInSeconds', NULL)
        ELSE jsonb_build_object('kind', 'session-lost', 'fold', 0, 'attempt', 1, 'session', 'kaggle', 'resumeStep', step) END
      FROM generate_series(0, ${perChat - 1}) step ORDER BY step
      RETURNING id, kind)
    INSERT INTO notification (id, event_id, chat_id, is_urgent)
    SELECT gen_random_uuid(), e.id, c.id, e.kind = 'fold-failed' FROM events e CROSS JOIN telegram_chat c`
}
