import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { interOpThreads, loadTensorflow, prepareTensorflow } from '@baton/tensorflow'
import type { Benchmark, Figure, Run } from '../figure.ts'
import { epochFigures, stepFigures } from './figures.ts'
import { writeJob, writePictures } from './job.ts'
import { nets } from './nets.ts'
import { startPeer } from './peer.ts'
import type { Order, Peer, Ready, Took } from './peer.ts'
import { epochKinds, preparePeers } from './peers.ts'
import type { EpochName, Lacking, PeerKind, PeerName } from './peers.ts'
import { checkSameWork } from './same-work.ts'
import { byName, inTurn } from './rounds.ts'

/** Long enough for hundreds of steps of the small net and ten of the large ones. */
const windowSeconds = 3

/**
 * Training of three nets by Baton, TensorFlow.js, Keras, a `tf.function` loop and PyTorch, from memory and from files: the
 * same architecture, weights to begin with, batches, optimizer and threads.
 */
export default {
  summary: 'images a second of a training step, and of an epoch from files, beside TensorFlow.js, Keras and PyTorch',
  repetitions: 5,
  run: async (run: Run): Promise<Figure[]> => {
    const { say, note } = run
    const folder = await mkdtemp(path.join(os.tmpdir(), 'baton-bench-'))
    const threads = os.availableParallelism()
    try {
      await prepareTensorflow({ log: say })
      const { tf } = await loadTensorflow({ threads: 1 })
      const peers = await preparePeers(say, threads)
      say('drawing pictures')
      const pictures = await writePictures(folder, Math.max(...nets.map(({ files }) => files)))
      note(
        `All peers train in ${threads} threads, those with TensorFlow ${interOpThreads(threads)} operations at a time, and read files in 2 threads or processes`,
      )
      note('Processes of Baton have huge pages, as its worker starts a training')
      note('Of Keras the steps are timed, from the first to the last: behind them `fit` waits for the tuner of tf.data')
      const figures: Figure[] = []
      for (const [i, net] of nets.entries()) {
        const job = await writeJob(folder, net, { tf, threads, pictures })
        const measured = await measureNet(run, net.name, job, peers)
        if (i === 0) for (const [name, { versions }] of measured.ready) note(`${titleOf(peers[name])}: ${versions}`)
        const lacking = lackingOf(peers)
        figures.push(...stepFigures(net, measured.steps, lacking), ...epochFigures(net, measured.epochs, lacking))
      }
      return figures
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
} satisfies Benchmark

type Peers = Readonly<Record<PeerName, PeerKind | Lacking>>

function isThere(peer: PeerKind | Lacking): peer is PeerKind {
  return !('lacking' in peer)
}

function titleOf(peer: PeerKind | Lacking): string {
  return isThere(peer) ? peer.title : ''
}

function lackingOf(peers: Peers): ReadonlyMap<PeerName, string> {
  const names = Object.keys(peers) as PeerName[]
  return new Map(
    names.flatMap((name) => {
      const peer = peers[name]
      return isThere(peer) ? [] : [[name, peer.lacking]]
    }),
  )
}

/** What one net's peers said of themselves, and took in each round. */
async function measureNet(run: Run, net: string, job: string, peers: Peers) {
  const rounds: Round[] = []
  for (let round = 0; round < run.repetitions; round++) rounds.push(await measureRound(run, { net, job, peers, round }))
  const { ready, steps, epochs } = rounds[0]!
  return {
    ready,
    steps: byName(
      steps.keys(),
      rounds.map((round) => round.steps),
    ),
    epochs: byName(
      epochs.keys(),
      rounds.map((round) => round.epochs),
    ),
  }
}

interface Round {
  readonly ready: ReadonlyMap<PeerName, Ready>
  readonly steps: ReadonlyMap<PeerName, Took>
  readonly epochs: ReadonlyMap<EpochName, Took>
}

/**
 * One round, by processes of its own: one that has had bad luck, with where its memory lies, is a tenth slower in all that
 * it does.
 */
async function measureRound(
  { repetitions, say }: Run,
  { net, job, peers, round }: { net: string; job: string; peers: Peers; round: number },
): Promise<Round> {
  const running = new Map<PeerName, Peer>()
  const names = (Object.keys(peers) as PeerName[]).filter((name) => isThere(peers[name]))
  const tell = (what: string) => say(`${net}, round ${round + 1} of ${repetitions}: ${what}`)
  const order = (name: PeerName, what: Order['do']) => {
    tell(`${what} of ${titleOf(peers[name])}`)
    return running.get(name)!.order({ do: what, seconds: windowSeconds })
  }
  const epoch = (name: EpochName) => order(epochKinds[name].peer, epochKinds[name].order)
  try {
    for (const name of names) {
      const kind = peers[name] as PeerKind
      tell(`warming up ${kind.title}`)
      const peer = await startPeer(kind.title, kind.program(job))
      running.set(name, peer)
      checkSameWork(kind, peer.ready, running.get('baton')!.ready)
    }
    const epochNames = (Object.keys(epochKinds) as EpochName[]).filter((name) => running.has(epochKinds[name].peer))
    // Once beforehand: threads and processes start, and the system has the files in memory for all.
    for (const name of epochNames) await epoch(name)
    return {
      ready: new Map([...running].map(([name, { ready }]) => [name, ready])),
      steps: await inTurn(names, round, (name) => order(name, 'steps')),
      epochs: await inTurn(epochNames, round, epoch),
    }
  } finally {
    for (const peer of running.values()) await peer.stop()
  }
}
