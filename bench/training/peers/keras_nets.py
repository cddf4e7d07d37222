"""The nets as Keras models, layer by layer those of packages/trainer/src/models, with the weights that they begin with."""

import numpy as np
from tensorflow import keras

from common import classes, net, size, weights

layers = keras.layers


class Builder:
    """Makes layers and remembers what their weights are called."""

    def __init__(self):
        self.made = []

    def add(self, layer, name, *parts):
        self.made.append((layer, [f"{name}/{part}" for part in parts]))
        return layer

    def conv(self, x, name, filters, side, stride=1):
        layer = layers.Conv2D(filters, side, strides=stride, padding=padding(side, stride), use_bias=False)
        return self.add(layer, name, "kernel")(framed(x, side, stride))

    def depthwise(self, x, name, stride):
        layer = layers.DepthwiseConv2D(3, strides=stride, padding=padding(3, stride), use_bias=False)
        return self.add(layer, name, "depthwise_kernel")(framed(x, 3, stride))

    def norm(self, x, name):
        layer = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        return self.add(layer, name, "gamma", "beta", "mean", "variance")(x)

    def head(self, x, name):
        # Logits and the loss are float32 under any policy, as Keras advises.
        x = layers.GlobalAveragePooling2D()(x)
        return self.add(layers.Dense(classes, dtype="float32"), name, "kernel", "bias")(x)


def padding(side, stride):
    return "same" if stride == 1 or side == 1 else "valid"


def framed(x, side, stride):
    return x if padding(side, stride) == "same" else layers.ZeroPadding2D((side - 1) // 2)(x)


def convnet(b, x):
    for block in range(3):
        x = b.norm(b.conv(x, f"block{block}/conv", net["model"]["width"] * 2**block, 3), f"block{block}/bn")
        x = layers.MaxPooling2D(2, 2, padding="same")(layers.ReLU()(x))
    return b.head(x, "head/dense")


def resnet18(b, x):
    x = layers.ReLU()(b.norm(b.conv(x, "conv1", 64, 7, 2), "bn1"))
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))
    for group, width in enumerate([64, 128, 256, 512]):
        for block in range(2):
            name, stride = f"layer{group + 1}/{block}", 2 if block == 0 and group > 0 else 1
            y = layers.ReLU()(b.norm(b.conv(x, f"{name}/conv1", width, 3, stride), f"{name}/bn1"))
            y = b.norm(b.conv(y, f"{name}/conv2", width, 3), f"{name}/bn2")
            if stride == 2:
                x = b.norm(b.conv(x, f"{name}/downsample/0", width, 1, 2), f"{name}/downsample/1")
            x = layers.ReLU()(layers.Add()([x, y]))
    return b.head(x, "fc")


def mobilenetv2(b, x):
    relu6 = lambda x: layers.ReLU(6.0)(x)
    x = relu6(b.norm(b.conv(x, "conv_stem", 32, 3, 2), "bn1"))
    rows = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    inputs = 32
    for row, (expansion, filters, count, first) in enumerate(rows):
        for block in range(count):
            name, stride = f"blocks/{row}/{block}", first if block == 0 else 1
            y, norms = x, iter(["bn1", "bn2", "bn3"])
            if expansion > 1:
                y = relu6(b.norm(b.conv(y, f"{name}/conv_pw", inputs * expansion, 1), f"{name}/{next(norms)}"))
            y = relu6(b.norm(b.depthwise(y, f"{name}/conv_dw", stride), f"{name}/{next(norms)}"))
            narrow = "conv_pwl" if expansion > 1 else "conv_pw"
            y = b.norm(b.conv(y, f"{name}/{narrow}", filters, 1), f"{name}/{next(norms)}")
            x = layers.Add()([x, y]) if stride == 1 and inputs == filters else y
            inputs = filters
    x = relu6(b.norm(b.conv(x, "conv_head", 1280, 1), "bn2"))
    return b.head(x, "classifier")


def build():
    """From normalised pictures, [batch, size, size, 3], to logits, [batch, classes]."""
    builder = Builder()
    images = keras.Input((size, size, 3))
    model = keras.Model(images, globals()[net["name"]](builder, images))
    values = weights()
    for layer, names in builder.made:
        layer.set_weights([values.pop(name) for name in names])
    if values:
        raise ValueError(f"not taken by any layer: {list(values)}")
    return model


def trainable(model):
    return int(sum(np.prod(variable.shape) for variable in model.trainable_variables))
