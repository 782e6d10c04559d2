"""Small segmentation nets, each around one layer, activation or backbone.

A net takes a batch of one image, whose height is not its width, to logits of
the same size. What is in no net is in `LEFT_OUT`, with the reason: together
they are all that Keras shows.
"""

import inspect

import keras
import numpy as np
from keras import activations
from keras import applications
from keras import layers
from keras import ops
from net_layers import LAYERS
from net_parts import CLASSES
from net_parts import SIZE
from net_parts import head
from net_parts import image

BACKBONE_SIZE = (96, 128)
LEFT_OUT = {
    "FlaxLayer": "holds code of JAX",
    "HashedCrossing": "for columns of tables",
    "Hashing": "for columns of tables",
    "InputLayer": "every net begins with it",
    "IntegerLookup": "for columns of tables",
    "JaxLayer": "holds code of JAX",
    "Layer": "the base of all layers",
    "MaxNumBoundingBoxes": "takes boxes",
    "MelSpectrogram": "takes sound",
    "STFTSpectrogram": "takes sound",
    "StringLookup": "takes text",
    "TFSMLayer": "holds a graph of TensorFlow",
    "TextVectorization": "takes text",
    "TorchModuleWrapper": "holds code of PyTorch",
    "Wrapper": "the base of layers around a layer",
}
# Activations that are called as functions.
_ARGUMENTS = {
    # `Activation` says that its result has the size of its input.
    "glu": {},
    "threshold": {"threshold": 0.1, "default_value": -0.2},
}
_NO_ACTIVATIONS = ("deserialize", "get", "serialize")
# Family of keras.applications -> the smallest of it.
BACKBONES = {
    "ConvNeXt": "ConvNeXtTiny",
    "DenseNet": "DenseNet121",
    "EfficientNet": "EfficientNetB0",
    "EfficientNetV2": "EfficientNetV2B0",
    "InceptionResNetV2": "InceptionResNetV2",
    "InceptionV3": "InceptionV3",
    "MobileNet": "MobileNet",
    "MobileNetV2": "MobileNetV2",
    "MobileNetV3": "MobileNetV3Small",
    "NASNet": "NASNetMobile",
    "ResNet": "ResNet50",
    "ResNetV2": "ResNet50V2",
    "VGG": "VGG16",
    "Xception": "Xception",
}


def families():
    """Titles of the nets by family: kinds of layers, activations, backbones.

    Returns:
        Dictionary from the name of a family to a list of titles.
    """
    found = {}
    for title in LAYERS:
        found.setdefault(kind(title), []).append(title)
    found = dict(sorted(found.items()))
    found["functions"] = activation_names()
    return {**found, **{name: [name] for name in BACKBONES}}


def kind(title):
    """The folder of Keras that holds the layer of a title."""
    folder = getattr(layers, title.partition("(")[0]).__module__
    return folder.split(".")[3]


def activation_names():
    """The functions of keras.activations, each under one name."""
    found = {}
    for name, function in sorted(vars(activations).items()):
        if inspect.isfunction(function) and name not in _NO_ACTIVATIONS:
            found.setdefault(function, name)
    return list(found.values())


def layer_names():
    """The layers of keras.layers, each under one of its names."""
    found = {}
    for name, value in sorted(vars(layers).items()):
        if inspect.isclass(value) and issubclass(value, layers.Layer):
            own = name == value.__name__
            found[value] = name if own else found.get(value, name)
    return sorted(found.values())


def backbone_names():
    """The builders of keras.applications."""
    return sorted(
        name
        for name, function in vars(applications).items()
        if inspect.isfunction(function)
    )


def build(title):
    """The net of a title, with the same weights every time.

    Args:
        title: One of those that `families` lists.

    Returns:
        `keras.Model` for a batch of one image.
    """
    keras.utils.set_random_seed(7)
    if title in BACKBONES:
        return _backbone(BACKBONES[title])
    middle = _activation(title) if title not in LAYERS else LAYERS[title]()
    images = keras.Input(batch_shape=(1, *SIZE, 3), name="images")
    return _filled(keras.Model(images, head(middle(images), images)))


def _activation(name):
    if name not in _ARGUMENTS:
        return image(layers.Activation(name))
    function = getattr(activations, name)
    return image(lambda x: function(x, **_ARGUMENTS[name]))


def _filled(model):
    """The model, whose constant weights get values that do something."""
    generator = np.random.default_rng(0)
    for variable in model.weights:
        value = ops.convert_to_numpy(variable.value)
        if value.dtype.kind == "f" and np.ptp(value) == 0:
            noise = generator.uniform(0.05, 0.5, value.shape)
            variable.assign((value + noise).astype(value.dtype))
    return model


def _backbone(name):
    images = keras.Input(batch_shape=(1, *BACKBONE_SIZE, 3), name="images")
    backbone = getattr(applications, name)(
        include_top=False, weights=None, input_tensor=images
    )
    x = layers.Conv2D(CLASSES, 1, name="scores")(backbone.output)
    x = layers.Resizing(*BACKBONE_SIZE, name="enlarged")(x)
    return keras.Model(images, x)
