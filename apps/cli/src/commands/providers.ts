import { etagOf, Provider } from '@baton/contracts'
import type { ProviderLimits, ProviderProfile } from '@baton/contracts'
import { Argument } from 'commander'
import type { Command } from 'commander'
import { connect } from '../client/connect.ts'
import { UsageError } from '../exit.ts'
import type { Io } from '../io.ts'
import { printJson, printList } from '../output/print.ts'
import { formatSeconds, printable, printableLines } from '../output/text.ts'
import { example, givenOf, jsonOption, numberArgument, orNone } from './options.ts'
import type { OrNone } from './options.ts'

interface SetOptions {
  readonly sessionSeconds?: OrNone
  readonly idleSeconds?: OrNone
  readonly weeklyGpuSeconds?: OrNone
  readonly concurrentSessions?: OrNone
  readonly accelerators?: string[]
  readonly note?: string
  readonly terms?: string
  readonly json?: boolean
}

export function providersCommand(program: Command, io: Io): void {
  const providers = program
    .command('providers')
    .description('Providers: what each gives a session, for you to correct.')
  providers
    .command('list')
    .description('Lists what each provider gives.')
    .addOption(jsonOption())
    .addHelpText('after', example('baton providers list'))
    .action(async (options: { json?: boolean }) => {
      const { api } = await connect(io)
      const { items } = await api.listProviderProfiles()
      printList(io, items, {
        json: options.json,
        empty: 'there is no provider',
        columns: [
          { title: 'provider', value: ({ provider }) => provider },
          { title: 'session', value: ({ sessionSeconds }) => timeOf(sessionSeconds) },
          { title: 'idle', value: ({ idleSeconds }) => timeOf(idleSeconds) },
          { title: 'GPU a week', value: ({ weeklyGpuSeconds }) => timeOf(weeklyGpuSeconds) },
          { title: 'at once', value: ({ concurrentSessions }) => concurrentSessions, align: 'right' },
          { title: 'accelerators', value: ({ accelerators }) => accelerators.join(', ') },
        ],
      })
    })
  providers
    .command('show')
    .summary('show what a provider gives, and how that is known')
    .description('Shows what a provider gives, where that is from and where its terms stand.')
    .addArgument(providerArgument())
    .addOption(jsonOption())
    .addHelpText('after', example('baton providers show kaggle'))
    .action(async (provider: Provider, options: { json?: boolean }) => {
      const { api } = await connect(io)
      const profile = await api.getProviderProfile({ params: { provider } })
      if (options.json) printJson(io, profile)
      else for (const line of profileLines(profile)) io.out(line)
    })
  const amount = orNone(numberArgument({ min: 0 }))
  providers
    .command('set')
    .summary('say what a provider gives')
    .description(
      'Says what a provider gives; what is not named stays as it is. A session that registers from then on and does\n' +
        'not say how long it lives keeps to it. Nothing here works around a limit: read the terms of the provider.',
    )
    .addArgument(providerArgument())
    .option('--session-seconds <seconds>', 'how long a session lives, or none', amount)
    .option('--idle-seconds <seconds>', 'after how long idle it is ended, or none', amount)
    .option('--weekly-gpu-seconds <seconds>', 'GPU time a week, or none', amount)
    .option(
      '--concurrent-sessions <count>',
      'sessions at once, or none',
      orNone(numberArgument({ min: 1, isWhole: true })),
    )
    .option('--accelerators <names>', 'as the provider names them, by commas', (text: string) =>
      text.split(',').map((name) => name.trim()),
    )
    .option('--note <text>', 'where these facts are from')
    .option('--terms <text>', 'where its terms stand')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example('baton providers set colab --session-seconds 86400', 'baton providers set local --idle-seconds none'),
    )
    .action(async (provider: Provider, options: SetOptions) => {
      const changes = changesOf(options)
      const { api } = await connect(io)
      const before = await api.getProviderProfile({ params: { provider } })
      const { provider: _, updatedAt: __, ...limits } = before
      const ifMatch = etagOf(before) ?? '*'
      const body = { ...limits, ...changes }
      const profile = await api.updateProviderProfile({ params: { provider }, body }, { ifMatch })
      if (options.json) printJson(io, profile)
      else for (const line of profileLines(profile)) io.out(line)
    })
}

function providerArgument(): Argument {
  return new Argument('<provider>', 'which provider').choices(Provider.options)
}

/** @throws {UsageError} when nothing was given */
function changesOf({ accelerators, note, terms, ...options }: SetOptions): Partial<ProviderLimits> {
  const { sessionSeconds, idleSeconds, weeklyGpuSeconds, concurrentSessions } = options
  const changes = {
    ...givenOf({ sessionSeconds, idleSeconds, weeklyGpuSeconds, concurrentSessions }),
    ...(accelerators === undefined ? {} : { accelerators }),
    ...(note === undefined ? {} : { note }),
    ...(terms === undefined ? {} : { terms }),
  }
  if (Object.keys(changes).length === 0) throw new UsageError('say what to change, e.g. --session-seconds 43200')
  return changes
}

function timeOf(seconds: number | null): string | null {
  return seconds === null ? null : formatSeconds(seconds)
}

function profileLines(profile: ProviderProfile): string[] {
  const { provider, sessionSeconds, idleSeconds, weeklyGpuSeconds, concurrentSessions, accelerators } = profile
  return [
    `${provider}  updated ${profile.updatedAt}`,
    `session       ${timeOf(sessionSeconds) ?? 'no end'}`,
    `idle          ${idleSeconds === null ? 'no rule' : `ended after ${formatSeconds(idleSeconds)}`}`,
    `GPU a week    ${timeOf(weeklyGpuSeconds) ?? 'no limit known'}`,
    `at once       ${concurrentSessions ?? 'no limit known'}`,
    `accelerators  ${printable(accelerators.join(', ')) || 'none named'}`,
    ...(profile.note === '' ? [] : ['', ...printableLines(profile.note)]),
    ...(profile.terms === '' ? [] : ['', ...printableLines(profile.terms)]),
  ]
}
