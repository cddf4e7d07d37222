"""Loads an exported SavedModel in TensorFlow and says what it makes of pictures.

    python3 load-saved-model.py FOLDER

FOLDER has `saved-model/saved_model.pb`, and `inputs.safetensors` with `images`, uint8 [n, size, size, 3]; it gets
`tensorflow.safetensors` with `probabilities`. `export.ts` runs it, and says what it needs.
"""

import sys
from pathlib import Path

import tensorflow as tf
from safetensors.numpy import load_file, save_file

folder = Path(sys.argv[1])
images = load_file(folder / "inputs.safetensors")["images"]
model = tf.saved_model.load(str(folder / "saved-model"))
probabilities = model.signatures["serving_default"](images=tf.constant(images))["probabilities"]
save_file({"probabilities": probabilities.numpy()}, folder / "tensorflow.safetensors")
