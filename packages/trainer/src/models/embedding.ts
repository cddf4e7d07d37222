import type { Tensor, Tensor2D } from '@tensorflow/tfjs'
import { AppError } from '@baton/contracts'
import type { Tf } from '@baton/tensorflow'
import { runGroups } from './groups.ts'
import type { Model } from './model.ts'

/**
 * What a model's head takes, as a vector a picture: the mean over a map.
 *
 * @param features [n, width] or [n, height, width, channels]
 * @throws {AppError} `user-code-failed` for features of another shape
 */
export function embeddingOf(tf: Tf, features: Tensor): Tensor2D {
  if (features.rank === 2) return features as Tensor2D
  if (features.rank === 4) return tf.mean<Tensor2D>(features, [1, 2])
  throw noEmbedding(`what the head takes is of shape [${features.shape.join(', ')}]`)
}

function noEmbedding(why: string): AppError {
  const detail =
    `knn needs embeddings, and ${why}; a model needs layers before its head that give it ` +
    '[batch, features], or maps, [batch, height, width, channels]'
  return new AppError('user-code-failed', {}, { detail })
}

/**
 * Finds out by one black picture whether a code bundle's model has embeddings, so that it shows before the first step.
 *
 * @throws {AppError} `user-code-failed`
 */
export function checkEmbedding(tf: Tf, { groups }: Model, size: number): void {
  if (groups.length === 1) throw noEmbedding('all of the model is its head')
  tf.tidy(() => {
    embeddingOf(
      tf,
      runGroups(groups.slice(0, -1), tf.zeros([1, size, size, 3]), () => ({ training: false })),
    )
  })
}
