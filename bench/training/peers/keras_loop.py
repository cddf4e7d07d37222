"""A training loop written by hand: the whole step of a Keras model in one `tf.function`."""

import tensorflow as tf
from tensorflow import keras

from common import batch, job, labels, normalised, repeated, serve
from keras_nets import build, trainable

model = build()
optimizer = keras.optimizers.SGD(job["lr"], momentum=job["momentum"])
optimizer.build(model.trainable_variables)


@tf.function
def step(images, truth):
    with tf.GradientTape() as tape:
        logits = model(images, training=True)
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(truth, logits))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    return loss


# Tensors before the clock runs: the loop has nothing to convert.
x, y = normalised(), labels()
batches = [
    (tf.constant(x[i * batch : (i + 1) * batch]), tf.constant(y[i * batch : (i + 1) * batch]))
    for i in range(job["batches"])
]
losses = [float(step(*batches[i])) for i in range(job["proofSteps"])]
serve(
    {"parameters": trainable(model), "losses": losses, "versions": f"TensorFlow {tf.__version__}"},
    {"steps": lambda order: repeated(order["seconds"], lambda i: float(step(*batches[i])))},
)
