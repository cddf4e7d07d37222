/**
 * A code bundle: plain JavaScript that takes the place of a piece of the training. This one brings its own loss; it may
 * also export `model` and `dataset`. Baton hands in TensorFlow.js, so there is nothing to import or install.
 *
 * What it computes must follow from its arguments alone, without `Math.random` or `Date`: that is why a training that
 * was interrupted ends with the same bytes as one that was not.
 */

/**
 * Focal loss for several labels a picture: what is already right counts less, so that rare labels are heard.
 *
 *   FL = mean over the labels of −a (1 − p)^γ log p,  p = σ(x) and a = α where y = 1, else p = 1 − σ(x) and a = 1 − α
 *
 * Written with softplus, as log σ(z) = −softplus(−z), so that no large logit becomes infinite. Labels may be soft:
 * both terms are weighed by them.
 *
 * @see Lin et al.: Focal Loss for Dense Object Detection, Eq. 5, https://arxiv.org/abs/1708.02002
 */
export function loss({ tf, options }) {
  const { gamma = 1.5, alpha = 0.75 } = options
  // −(1 − σ(z))^γ log σ(z), whose first factor is exp(−γ softplus(z)).
  const term = (z) => tf.mul(tf.exp(tf.mul(tf.softplus(z), -gamma)), tf.softplus(tf.neg(z)))
  return (logits, labels) => {
    const positive = tf.mul(tf.mul(labels, alpha), term(logits)) // [batch, classes]
    const negative = tf.mul(tf.mul(tf.sub(1, labels), 1 - alpha), term(tf.neg(logits))) // [batch, classes]
    return tf.mean(tf.add(positive, negative), 1) // one value a sample, [batch]
  }
}
