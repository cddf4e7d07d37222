"""Keras `fit`, as most people train. A second argument names the dtype policy: float32 or mixed_bfloat16."""

import sys
import time
from importlib.metadata import version

import numpy as np
import tensorflow as tf
from tensorflow import keras

import keras_files
from common import batch, job, labels, normalised, serve
from keras_nets import build, trainable

keras.mixed_precision.set_global_policy(sys.argv[2])
model = build()
model.compile(
    keras.optimizers.SGD(job["lr"], momentum=job["momentum"]),
    keras.losses.BinaryCrossentropy(from_logits=True),
)
x, y = normalised(), labels()


class Clock(keras.callbacks.Callback):
    """Of an epoch's steps. What `fit` does behind them does not count: tf.data's tuner, which looks after 10 ms and then
    after twice as long each time, is waited for up to its next look, which would as much as double a short run."""

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds = time.perf_counter() - self.start


def fit(*data, **options):
    """One epoch. Returns its loss, and the seconds that its steps took."""
    clock = Clock()
    history = model.fit(*data, epochs=1, verbose=0, callbacks=[clock], **options)
    return history.history["loss"][0], clock.seconds


def fit_memory(images, truth):
    return fit(images, truth, batch_size=batch, shuffle=False)


def rows(i):
    return slice(i * batch, (i + 1) * batch)


losses = [float(fit_memory(x[rows(i)], y[rows(i)])[0]) for i in range(job["proofSteps"])]
per_second = len(x) / fit_memory(x, y)[1]


def steps(order):
    """One call of `fit` that lasts about so long."""
    global per_second
    times = max(1, round(order["seconds"] * per_second / len(x)))
    images, truth = np.concatenate([x] * times), np.concatenate([y] * times)
    _, seconds = fit_memory(images, truth)
    per_second = len(images) / seconds
    return {"images": len(images), "seconds": seconds}


def epoch(order):
    files = keras_files.dataset(antialias=order["do"] == "epoch")
    return {"images": len(job["files"]), "seconds": fit(files)[1]}


serve(
    {
        "parameters": trainable(model),
        "losses": losses,
        "versions": f"Keras {version('keras')} on TensorFlow {tf.__version__}",
    },
    {"steps": steps, "epoch": epoch, "aliased-epoch": epoch},
)
