import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { loadTensorflow, prepareTensorflow } from '@baton/tensorflow'
import type { Benchmark, Figure, Run } from '../figure.ts'
import { epochFigures, stepFigures } from './figures.ts'
import { writeJob, writePictures } from './job.ts'
import { nets } from './nets.ts'
import { startPeer } from './peer.ts'
import type { Order, Peer } from './peer.ts'
import { epochKinds, preparePeers } from './peers.ts'
import type { EpochName, Lacking, PeerKind, PeerName } from './peers.ts'
import { checkSameWork } from './same-work.ts'
import { inRounds } from './rounds.ts'

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
      const { tf } = await loadTensorflow({ intraOpThreads: 1, interOpThreads: 1 })
      const peers = await preparePeers(say, threads)
      say('drawing pictures')
      const pictures = await writePictures(folder, Math.max(...nets.map(({ files }) => files)))
      note(`All peers train in ${threads} threads, one operation at a time, and read files in 2 threads or processes`)
      note('Of Keras the steps are timed, from the first to the last: behind them `fit` waits for the tuner of tf.data')
      const figures: Figure[] = []
      for (const [i, net] of nets.entries()) {
        const job = await writeJob(folder, net, { tf, threads, pictures })
        const measured = await measureNet(run, net.name, job, peers)
        if (i === 0)
          for (const [name, { ready }] of measured.running) note(`${titleOf(peers[name])}: ${ready.versions}`)
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

async function measureNet({ repetitions, say }: Run, net: string, job: string, peers: Peers) {
  const running = new Map<PeerName, Peer>()
  const kinds = (Object.keys(peers) as PeerName[]).flatMap((name) => {
    const kind = peers[name]
    return isThere(kind) ? [[name, kind] as const] : []
  })
  try {
    for (const [name, kind] of kinds) {
      say(`${net}: warming up ${kind.title}`)
      const peer = await startPeer(kind.title, kind.program(job))
      running.set(name, peer)
      checkSameWork(kind, peer.ready, running.get('baton')!.ready)
    }
    const turn = (name: PeerName, what: Order['do'], round: number) => {
      say(`${net}, round ${round + 1} of ${repetitions}: ${what} of ${titleOf(peers[name])}`)
      return running.get(name)!.order({ do: what, seconds: windowSeconds })
    }
    const names = kinds.map(([name]) => name)
    const epochNames = (Object.keys(epochKinds) as EpochName[]).filter((name) => running.has(epochKinds[name].peer))
    const epochTurn = (name: EpochName, round: number) => turn(epochKinds[name].peer, epochKinds[name].order, round)
    // Files are read once beforehand: from then on the system holds them in memory for all.
    for (const name of epochNames) await epochTurn(name, -1)
    const steps = await inRounds(names, repetitions, (name, round) => turn(name, 'steps', round))
    const epochs = await inRounds(epochNames, repetitions, epochTurn)
    return { running, steps, epochs }
  } finally {
    for (const peer of running.values()) await peer.stop()
  }
}
