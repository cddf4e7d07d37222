/** What `baton init` asks for; everything else has a default that the file explains. */
export interface SpecAnswers {
  readonly name: string
  readonly dataset: string
  readonly folds: number
  readonly size: number
  readonly model: 'convnet' | 'resnet'
  readonly epochs: number
  readonly batch: number
  readonly lr: number
}

export const defaultAnswers: SpecAnswers = {
  name: 'baseline',
  dataset: 'emoji',
  folds: 5,
  size: 64,
  model: 'resnet',
  epochs: 20,
  batch: 32,
  lr: 0.003,
}

/** A spec in YAML that says what each part is for. What is commented out is the default. */
export function specTemplate(answers: SpecAnswers): string {
  const { name, dataset, folds, size, model, epochs, batch, lr } = answers
  const text = (value: string) => JSON.stringify(value)
  return `# An experiment: \`baton spec explain\` says what it will do, \`baton run\` starts it.
name: ${text(name)}

# A dataset of the project, its newest version, or a certain one: ${dataset}@1
dataset: ${dataset}

# Decides every random choice: folds, order, augmentation, first weights. Equal specs give equal bytes.
seed: 0

folds:
  count: ${folds}
  # Labels are spread evenly over the folds; \`random\` only shuffles.
  # split: stratified
  # Train these only, e.g. to try something on one fold first.
  # only: [0]

${modelTemplate(model)}
image:
  # Side in pixels of the square that the model sees.
  size: ${size}
  # \`pad\` keeps the aspect ratio, \`stretch\` does not.
  resize: pad

# Done to train pictures one after the other, each with a probability p; or a preset: imet-256, imet-320.
augment:
  - { op: flip, p: 0.5 }
  - { op: shift, pixels: ${Math.max(1, Math.round(size / 16))} }

# Stages follow each other: here the new head alone, then everything.
stages:
  - name: head
    train: head
    epochs: 1
    batch: ${batch}
    schedule: { name: constant, lr: ${lr} }
  - name: all
    train: all
    epochs: ${epochs}
    batch: ${batch}
    optimizer: { name: adamw, weightDecay: 0.01 }
    # constant, linear, cosine, cosine-restarts, step, triangular, one-cycle or plateau; a warm-up may stand before any.
    # With \`hours: 9\` in place of epochs: budget, which comes to its end when they do.
    schedule: { name: cosine, lr: ${lr}, warmupSteps: 50 }
    # Gradients whose norm is above this are scaled down to it; null leaves them as they are.
    clipNorm: 10

# What convolutions and matrix products of compiled steps are computed in: fp32, bf16, or fp16 on older GPUs.
# precision: fp32
# A training that runs out of memory does less at a time; \`fail\` ends its fold.
# onOom: shrink

evaluate:
  everyEpochs: 1
  # \`flip\` averages the predictions of a picture and its mirror image.
  tta: flip

metric:
  # What early stopping, best checkpoint, CV and leaderboard go by: fbeta, map, auc or log-loss.
  name: fbeta
  # F-beta: 2 counts recall more than precision.
  beta: 2
  # One threshold for each label group (\`grouped\`), for all labels (\`global\`), or another way: max-over-k,
  # count-matched, expected-fbeta.
  threshold: grouped
  # A picture always gets its best so many labels, and never more than so many.
  minLabels: 1
  maxLabels: 10

# The nearest training samples vote on labels, as much as OOF says is good.
# knn: { neighbours: 20 }

# A stage ends early after so many evaluations without gain.
# earlyStop: { patience: 5, minGain: 0.0001 }

checkpoint:
  # A session that dies without a word costs at most this.
  everySeconds: 60

# Sessions serve pools in the order they name them; a higher priority is trained sooner.
# pool: default
# priority: 0
`
}

function modelTemplate(model: SpecAnswers['model']): string {
  if (model === 'convnet')
    return `model:
  # Blocks of convolution, normalisation, relu and pooling: quick, for small pictures.
  name: convnet
  # Channels of the first block; each further block doubles them.
  width: 32
  blocks: 3
  dropout: 0.25
`
  return `model:
  name: resnet
  # Channels of the stem; each further group doubles them.
  width: 32
  # Blocks in each group: [2, 2, 2, 2] with width 64 is ResNet-18.
  layers: [2, 2, 2]
  dropout: 0.25
`
}
