"""Names of the layers of published classifiers, of each framework."""

import functools
import re
import string

import keras

from kerasseg.importers.matching import Target
from kerasseg.importers.matching import layers_of
from kerasseg.importers.matching import variance_for
from kerasseg.importers.plans.plan import as_convolution
from kerasseg.importers.plans.plan import convolution_targets
from kerasseg.importers.source import Source

CONVOLUTIONS = "convolutions of the backbone"
DENSE_LAYERS = "fully connected layers of the backbone"
# The last layers of classifiers of ImageNet.
CLASSIFIER = r"fc8|fc1000|predictions|probs|classifier\.6|fc"
_DEPTHS = (2, 2, 3, 3, 3)
# Keras' and torchvision's names of fc6 and fc7.
_DENSE = {"fc6": ("fc1", "classifier.0"), "fc7": ("fc2", "classifier.3")}
# Side of fc6, and which of its rows and columns are taken.
_SIDE, _ROWS = 7, 3
_BRANCHES = {"0": "1", "1": "2a", "2": "2b", "3": "2c"}
_PARTS = ("gamma", "beta", "moving_mean", "moving_variance")


def vgg16_targets(
    model: keras.Model, source: Source, sampled: bool = False
) -> list[Target]:
    """The targets of `vgg16` and `vgg16_large_fov`.

    Args:
        model: A model on that backbone.
        source: The file.
        sampled: Whether fc6 and fc7 are those of a classifier, larger than
            those of `vgg16_large_fov`. Defaults to `False`.

    Returns:
        The targets, in two groups.
    """
    layers, targets = layers_of(model), []
    place = 0
    for block, depth in enumerate(_DEPTHS, start=1):
        for index in range(1, depth + 1):
            name = f"conv{block}_{index}"
            names = (name, f"block{block}_conv{index}", f"features.{place}")
            targets += convolution_targets(
                layers[name], CONVOLUTIONS, names, source, name == "conv1_1"
            )
            # A ReLU follows each convolution, a pooling each block.
            place += 2
        place += 1
    if sampled:
        return targets + sampled_targets(model, source)
    for name, others in _DENSE.items():
        targets += convolution_targets(
            layers[name], DENSE_LAYERS, (name, *others), source
        )
    return targets


def sampled_targets(model: keras.Model, source: Source) -> list[Target]:
    """The targets of `vgg16_large_fov` for fc6 and fc7 of a classifier.

    Of fc6 every third row and column is taken, of both every fourth channel,
    as Chen et al. did (ICLR 2015, section 4.1); channels are counted, so that
    a narrower network works too.

    Args:
        model: A model on that backbone.
        source: The file.

    Returns:
        The targets.
    """
    layers, targets = layers_of(model), []
    for name, others in _DENSE.items():
        layer, names = layers[name], (name, *others)
        wanted = tuple(layer.kernel.shape)
        kernel = functools.partial(_sampled, name, wanted, source)
        bias = functools.partial(_sampled_bias, wanted[-1])
        targets += [
            Target(layer.kernel, DENSE_LAYERS, names, "kernel", kernel),
            Target(layer.bias, DENSE_LAYERS, names, "bias", bias),
        ]
    return targets


def _sampled(name, wanted, source, layer):
    """The kernel of fc6 or fc7 with the rows, columns and channels taken."""
    side, step = (_SIDE, _ROWS) if name == "fc6" else (1, 1)
    given = layer.tensors["kernel"].shape[-1]
    every = max(1, given // wanted[-1])
    # The channels that fc7 reads are those of fc6.
    fewer = 1 if name == "fc6" else every
    shape = (side, side, wanted[2] * fewer, given)
    whole = as_convolution(layer, shape, source)
    if whole.shape != shape:
        return whole
    return whole.sampled(step, step, fewer, every)


def _sampled_bias(wanted, layer):
    bias = layer.tensors["bias"]
    if len(bias.shape) != 1:
        return bias
    return bias.sampled(max(1, bias.shape[0] // wanted))


def resnet_targets(model: keras.Model, source: Source) -> list[Target]:
    """The targets of `resnet50` and the deeper ones.

    Args:
        model: A model on that backbone.
        source: The file.

    Returns:
        The targets, in one group.
    """
    targets = []
    for name, layer in layers_of(model).items():
        kind = re.fullmatch(r"conv(?:1|(\d)_block(\d+)_(\d))_(conv|bn)", name)
        if kind is None:
            continue
        first = kind[1] is None
        if kind[4] == "conv":
            old = ["conv1"] if first else _branches("res", kind)
            targets += convolution_targets(
                layer, CONVOLUTIONS, (name, *old), source, first, True
            )
            continue
        names = [name]
        for prefix in ("bn", "scale"):
            names += [f"{prefix}_conv1"] if first else _branches(prefix, kind)
        for part in _PARTS:
            adapt = variance_for(layer.epsilon) if "variance" in part else None
            variable = getattr(layer, part)
            targets.append(Target(variable, CONVOLUTIONS, names, part, adapt))
    return targets


def _branches(prefix, kind):
    """The names of a layer in Caffe and in Keras 1 and 2.

    Blocks have letters; those of long stages are "a", "b1", "b2" and so on.
    """
    number = int(kind[2])
    blocks = [string.ascii_lowercase[number - 1 : number]]
    if number > 1:
        blocks.append(f"b{number - 1}")
    branch = f"_branch{_BRANCHES[kind[3]]}"
    return [f"{prefix}{kind[1]}{block}{branch}" for block in blocks]
