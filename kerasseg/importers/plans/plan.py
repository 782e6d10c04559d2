"""How a published network becomes a model: what is built, and what is read."""

import dataclasses
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import keras

from kerasseg.importers.matching import Target
from kerasseg.importers.source import DENSE
from kerasseg.importers.source import Layer
from kerasseg.importers.source import Source
from kerasseg.importers.source import Tensor
from kerasseg.zoo.errors import WeightsError

HEAD = "head"
# ADE20K has 150 classes, of which LRR would make 1,500.
_MOST_FILTERS = 1 << 14


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a file asks of an entry.

    Args:
        targets: From the model to its variables with their places.
        num_classes: Number of classes of the file, or `None` where it has no
            head. Defaults to `None`.
        arguments: What the file changes of the builder's arguments. Defaults
            to nothing.
        backbone_arguments: The same of the backbone's. Defaults to nothing.
        checked: Names of layers that were compared with what the model
            computes without weights. Defaults to none.
        ignored: Regular expression of names of layers that the model does
            without, such as those for training alone. Defaults to none.
        mean: The means where the file has none. Defaults to `None`, those of
            the backbone.
    """

    targets: Callable[[keras.Model], list[Target]]
    num_classes: int | None = None
    arguments: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    backbone_arguments: Mapping[str, Any] = dataclasses.field(
        default_factory=dict
    )
    checked: tuple[str, ...] = ()
    ignored: str = "(?!)"
    mean: tuple[float, ...] | None = None


def convolution_targets(
    layer: keras.Layer,
    group: str,
    names: tuple[str, ...],
    source: Source,
    first: bool = False,
    optional_bias: bool = False,
) -> list[Target]:
    """The targets of a convolution, which may be a dense layer in the file.

    Args:
        layer: The convolution.
        group: What it belongs to.
        names: Names of layers that may have it.
        source: The file, for the order of channels.
        first: Whether it reads the image. Defaults to `False`.
        optional_bias: Whether the bias may be missing. Defaults to `False`.

    Returns:
        One target for the kernel, one for the bias if there is one.
    """

    def adapt(found):
        kernel = as_convolution(found, tuple(layer.kernel.shape), source)
        return (
            kernel.mapped(lambda x: _on_pixels(x, source)) if first else kernel
        )

    targets = [Target(layer.kernel, group, names, "kernel", adapt)]
    if layer.use_bias:
        targets.append(
            Target(layer.bias, group, names, "bias", optional=optional_bias)
        )
    return targets


def as_convolution(
    layer: Layer, shape: tuple[int, ...], source: Source
) -> Tensor:
    """The kernel of a layer, as a convolution also of a dense layer.

    Args:
        layer: The layer of the file.
        shape: Height, width, channels and filters of the convolution.
        source: The file, for the order in which maps were flattened.

    Returns:
        A tensor; a dense one of another size keeps its two axes, which are
        reported.
    """
    kernel = layer.tensors["kernel"]
    if layer.kind != DENSE:
        return kernel
    height, width, channels, filters = shape
    if source.flattening == "HWC":
        return kernel.reshaped(*shape)
    stacked = kernel.reshaped(channels, height, width, filters)
    return kernel if stacked is kernel else stacked.transposed(1, 2, 0, 3)


def _on_pixels(kernel, source):
    """The first kernel for R, G and B that are not divided."""
    if source.deviation:
        kernel = kernel / [[[factor] for factor in source.deviation]]
    return kernel[:, :, ::-1] if source.channels == "BGR" else kernel


def count_filters(
    layers: Mapping[str, Layer], names: tuple[str, ...]
) -> int | None:
    """How many channels a convolution of a file gives.

    Args:
        layers: The layers of the file by name.
        names: Names that it may have.

    Returns:
        The number, or `None` where there is no such layer.

    Raises:
        WeightsError: If no model has as many.
    """
    for name in names:
        if name in layers and "kernel" in layers[name].tensors:
            kernel = layers[name].tensors["kernel"]
            count = (kernel.shape or (0,))[-1]
            if not 0 < count <= _MOST_FILTERS:
                raise WeightsError(
                    "`path` must hold a head with at most "
                    f"{_MOST_FILTERS} channels. Received: {kernel.label!r} of "
                    f"shape {kernel.shape}"
                )
            return count
    return None


def refuse(source: Source, expected: str, received: str) -> WeightsError:
    """The error of a file that computes something else than the entry.

    Args:
        source: The file.
        expected: What the entry needs.
        received: What the file has.

    Returns:
        The error.
    """
    return WeightsError(
        f"`path` must hold {expected}. Received: path='{source.path}' with "
        f"{received}"
    )
