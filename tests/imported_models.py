"""What tests of imported models look at."""

import numpy as np
from keras import ops

from kerasseg.importers.matching import layers_of

CLASSES = 5
UPSAMPLINGS = {"upscore2": 4, "upscore_pool4": 4, "upscore8": 16}
FCN_MEAN = (122.67891434, 116.66876762, 104.00698793)


def value(variable):
    return ops.convert_to_numpy(variable)


def window(size):
    """The kernel of bilinear upsampling by half of a size."""
    line = 1 - np.abs(np.arange(size) - (size - 1) / 2) / (size / 2)
    return np.outer(line, line).astype("float32")


def dense(size, classes=CLASSES):
    """The same as Caffe has it: (in, out, height, width), mostly zeros."""
    return np.eye(classes, dtype="float32")[..., None, None] * window(size)


def weights(model, name):
    return [value(w) for w in layers_of(model)[name].weights]


def offsets(model):
    return -np.array(layers_of(model)["rescaling"].offset)
