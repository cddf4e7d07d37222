"""Keras `fit`, as most people train. A second argument names the dtype policy: float32 or mixed_bfloat16."""

import sys
from importlib.metadata import version

import numpy as np
import tensorflow as tf
from tensorflow import keras

import keras_files
from common import batch, job, labels, normalised, serve, timed
from keras_nets import build, trainable

keras.mixed_precision.set_global_policy(sys.argv[2])
model = build()
model.compile(
    keras.optimizers.SGD(job["lr"], momentum=job["momentum"]),
    keras.losses.BinaryCrossentropy(from_logits=True),
)
x, y = normalised(), labels()


def fit(images, truth):
    return model.fit(images, truth, batch_size=batch, epochs=1, shuffle=False, verbose=0).history["loss"][0]


def rows(i):
    return slice(i * batch, (i + 1) * batch)


losses = [float(fit(x[rows(i)], y[rows(i)])) for i in range(job["proofSteps"])]
per_second = len(x) / timed(len(x), lambda: fit(x, y))["seconds"]


def steps(order):
    """One call of `fit` that lasts about so long: its own beginning and end are part of it, as little as may be."""
    global per_second
    times = max(1, round(order["seconds"] * per_second / len(x)))
    images, truth = np.concatenate([x] * times), np.concatenate([y] * times)
    result = timed(len(images), lambda: fit(images, truth))
    per_second = result["images"] / result["seconds"]
    return result


def epoch(order):
    files = keras_files.dataset(antialias=order["do"] == "epoch")
    return timed(len(job["files"]), lambda: model.fit(files, epochs=1, verbose=0))


serve(
    {
        "parameters": trainable(model),
        "losses": losses,
        "versions": f"Keras {version('keras')} on TensorFlow {tf.__version__}",
    },
    {"steps": steps, "epoch": epoch, "aliased-epoch": epoch},
)
