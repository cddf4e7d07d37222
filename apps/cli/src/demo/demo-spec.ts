import { parseSpec } from '@baton/contracts'
import type { ExperimentSpec } from '@baton/contracts'

/** What the demo trains: a small convnet on 32-pixel emoji, head first, then everything. */
export const demoSpec: ExperimentSpec = parseSpec({
  name: 'demo: small convnet on emoji',
  dataset: 'emoji',
  seed: 42,
  folds: { count: 5 },
  model: { name: 'convnet', width: 32, blocks: 3, dropout: 0.25 },
  image: { size: 32 },
  augment: [{ op: 'flip' }, { op: 'shift', pixels: 2 }],
  stages: [
    { name: 'head', train: 'head', epochs: 1, schedule: { name: 'constant', lr: 0.002 } },
    {
      name: 'all',
      train: 'all',
      epochs: 16,
      optimizer: { name: 'adamw', weightDecay: 0.05 },
      schedule: { name: 'cosine', lr: 0.006, warmupSteps: 15 },
      clipNorm: 10,
    },
  ],
  evaluate: { everyEpochs: 4, tta: 'flip' },
  checkpoint: { everySeconds: 3 },
})

/** The same training of one fold: equal in all that decides the bytes. */
export function soloSpec(fold: number): ExperimentSpec {
  return { ...demoSpec, name: `demo: fold ${fold} without interruption`, folds: { ...demoSpec.folds, only: [fold] } }
}
