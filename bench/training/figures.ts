import type { Figure, Goal } from '../figure.ts'
import type { Net } from './nets.ts'
import { epochKinds } from './peers.ts'
import type { EpochName, PeerName } from './peers.ts'
import { ratiosOf, speedsOf, waitsOf } from './rounds.ts'
import type { Rounds } from './rounds.ts'

/** Why some peers could not run. */
type LackingPeers = ReadonlyMap<PeerName, string>

/** One thing that is compared with another. */
interface Comparison<Name extends string> {
  readonly name: string
  readonly one: Name
  readonly other: Name
  readonly goal?: Goal
}

const stepComparisons = ({ name }: Net): Comparison<PeerName>[] => [
  {
    name: 'Baton ÷ TensorFlow.js fit',
    one: 'baton',
    other: 'tfjs',
    goal: { atLeast: { convnet: 3, resnet18: 2, mobilenetv2: 5 }[name] },
  },
  { name: 'Baton ÷ Keras fit', one: 'baton', other: 'keras', goal: { atLeast: 1.2 } },
  { name: 'Baton ÷ tf.function loop', one: 'baton', other: 'loop', goal: { atLeast: 1.05 } },
  { name: 'Baton, bf16 ÷ Keras fit', one: 'batonBf16', other: 'keras', goal: { atLeast: 1.5 } },
  { name: 'Baton, bf16 ÷ Keras fit, mixed_bfloat16', one: 'batonBf16', other: 'kerasBf16', goal: { atLeast: 1.1 } },
  { name: 'Baton ÷ PyTorch loop', one: 'baton', other: 'torch' },
  { name: 'Baton ÷ Baton, eager', one: 'baton', other: 'eager' },
]

/** Pictures are antialiased by all but the one that is named otherwise: it does less work, and has no goal. */
const epochComparisons: readonly Comparison<EpochName>[] = [
  { name: 'Baton ÷ Keras with tf.data', one: 'baton', other: 'keras', goal: { atLeast: 1.2 } },
  { name: 'Baton ÷ Keras with tf.data, aliased', one: 'baton', other: 'kerasAliased' },
  { name: 'Baton ÷ PyTorch with DataLoader', one: 'baton', other: 'torch', goal: { atLeast: 1.2 } },
]

/** Of steps from memory: how many images a second, and the ratios that have goals. */
export function stepFigures(net: Net, rounds: Rounds<PeerName>, lacking: LackingPeers): Figure[] {
  const prefix = `${net.name}, step: `
  const of = (name: string, peer: PeerName) => speed(`${prefix}${name}`, peer, rounds, lacking)
  return [
    of('Baton', 'baton'),
    of('Baton, bf16', 'batonBf16'),
    of('Baton, eager', 'eager'),
    of('TensorFlow.js fit', 'tfjs'),
    of('Keras fit', 'keras'),
    of('Keras fit, mixed_bfloat16', 'kerasBf16'),
    of('tf.function loop', 'loop'),
    of('PyTorch loop', 'torch'),
    ...stepComparisons(net).map((comparison) => ratio(prefix, comparison, rounds, lacking)),
  ]
}

/** Of an epoch from files. */
export function epochFigures(net: Net, rounds: Rounds<EpochName>, lackingPeers: LackingPeers): Figure[] {
  const prefix = `${net.name}, epoch from files: `
  const lacking = new Map(
    (Object.keys(epochKinds) as EpochName[]).flatMap((name) => {
      const reason = lackingPeers.get(epochKinds[name].peer)
      return reason === undefined ? [] : [[name, reason]]
    }),
  )
  const of = (name: string, epoch: EpochName) => speed(`${prefix}${name}`, epoch, rounds, lacking)
  return [
    of('Baton', 'baton'),
    of('Keras with tf.data', 'keras'),
    of('Keras with tf.data, aliased', 'kerasAliased'),
    of('PyTorch with DataLoader', 'torch'),
    ...epochComparisons.map((comparison) => ratio(prefix, comparison, rounds, lacking)),
    {
      name: `${prefix}part of the time that Baton's steps wait for data`,
      unit: '%',
      values: waitsOf(rounds.get('baton')!),
      ...(net.name === 'resnet18' && { goal: { atMost: 5 } }),
    },
  ]
}

function speed<Name extends string>(
  name: string,
  peer: Name,
  rounds: Rounds<Name>,
  lacking: ReadonlyMap<Name, string>,
): Figure {
  const unit = 'images/s'
  const reason = lacking.get(peer)
  return reason === undefined
    ? { name, unit, values: speedsOf(rounds.get(peer)!) }
    : { name, unit, values: [], lacking: reason }
}

function ratio<Name extends string>(
  prefix: string,
  { name, one, other, goal }: Comparison<Name>,
  rounds: Rounds<Name>,
  lacking: ReadonlyMap<Name, string>,
): Figure {
  const figure = { name: `${prefix}${name}`, unit: '×', ...(goal && { goal }) } as const
  const reason = lacking.get(one) ?? lacking.get(other)
  if (reason !== undefined) return { ...figure, values: [], lacking: reason }
  return { ...figure, values: ratiosOf(rounds.get(one)!, rounds.get(other)!) }
}
