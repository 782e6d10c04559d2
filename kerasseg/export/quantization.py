"""What quantization does to the layers of a model."""

import collections
import dataclasses
import math
import re
from pathlib import Path

import numpy as np

from kerasseg.export.errors import ExportError

# The root mean square of what quantizing a perfect output does, in steps.
UNAVOIDABLE = 1 / math.sqrt(12)
# A layer that errs by more than this stays in float in a mixed file.
MAX_ERROR = 2 * UNAVOIDABLE
WORST_SHOWN = 5
# Calibration images on which ranges are taken, and layers measured.
SCALED_IMAGES = 16
MEASURED_IMAGES = 2


@dataclasses.dataclass(frozen=True)
class LayerError:
    """A layer as part of a graph, and what it loses by quantization.

    Args:
        name: Name of the layer.
        error: Root mean square of the error of its output when its inputs,
            its weights and its output are quantized, in steps between two
            integers. Quantizing a perfect output would cause 0.29.
        nodes: Names of its operators in the graph.
    """

    name: str
    error: float
    nodes: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Conversion:
    """What a converter can tell about the file that it wrote.

    Args:
        float32: Path of the same graph in float32 and in the same format, or
            `None` where there is none. Defaults to `None`.
        worst_layers: Pairs of the name of a quantized layer and its error,
            largest first. Defaults to none.
        kept: Names of the layers that stayed in float. Defaults to none.
        learned: Number of tensors with a range that was learned in training.
            Defaults to 0.
    """

    float32: Path | None = None
    worst_layers: tuple[tuple[str, float], ...] = ()
    kept: tuple[str, ...] = ()
    learned: int = 0

    @classmethod
    def of(cls, layers, kept, float32, learned=0) -> "Conversion":
        """Sums up a graph with integers.

        Args:
            layers: List of `LayerError`, largest error first.
            kept: Those of them that stayed in float.
            float32: Path of the same graph in float32, or `None`.
            learned: Number of tensors with a range that was learned. Defaults
                to 0.

        Returns:
            A `Conversion` with the five quantized layers of largest error.
        """
        quantized = [layer for layer in layers if layer not in kept]
        worst = [layer for layer in quantized if layer.error][:WORST_SHOWN]
        return cls(
            float32=float32,
            worst_layers=tuple((layer.name, layer.error) for layer in worst),
            kept=tuple(layer.name for layer in kept),
            learned=learned,
        )


def check_finite(ranges) -> None:
    """Refuses ranges that no integers have; LiteRT would end the process.

    Args:
        ranges: Pairs of the smallest and the largest value of a tensor.

    Raises:
        ExportError: If one is NaN or infinite.
    """
    low, high = np.transpose(ranges).astype("float64")
    # NaN is not below it either.
    bad = int((~(high - low < np.finfo("float32").max)).sum())
    if bad:
        raise ExportError(
            f"The model computes NaN or infinite values in {bad} of "
            f"{len(low)} tensors on the calibration images: its weights hold "
            "some, or are too large."
        )


def layers_of(paths, errors, names) -> list[LayerError]:
    """Gathers the operators of a graph by layer.

    Args:
        paths: Dictionary from the name of each operator to a path whose
            parts are names of layers, as converters write them. An operator
            of no known layer is a layer of its own.
        errors: Dictionary from the name of an operator to its error.
        names: Names of the layers of the Keras model.

    Returns:
        List of `LayerError`, largest error first.
    """
    groups = collections.defaultdict(list)
    for node, path in paths.items():
        groups[layer_name(path, names)].append(node)
    layers = [
        LayerError(name, max(errors.get(n, 0.0) for n in nodes), tuple(nodes))
        for name, nodes in groups.items()
    ]
    return sorted(layers, key=lambda layer: -layer.error)


def layer_name(path, names) -> str:
    """Finds the layer that an operator comes from.

    Args:
        path: Path of the operator, such as `net_1/stem_1/convolution`. Where
            operators were merged, their paths are joined by semicolons.
        names: Names of the layers of the Keras model.

    Returns:
        The name of the innermost layer, or `path` where none is known.
    """
    first = path.partition(";")[0]
    for part in reversed(first.split("/")):
        for name in (part, re.sub(r"_\d+$", "", part)):
            if name in names:
                return name
    return path


def kept_in_float(layers, logits) -> list[LayerError]:
    """Chooses the layers of a mixed file that stay in float.

    These are the layer that computes the logits, which then keep more than
    255 steps, and each that errs by more than twice what quantizing its
    output would.

    Args:
        layers: List of `LayerError`, largest error first.
        logits: Name of the operator that computes the logits.

    Returns:
        List of `LayerError`, largest error first.
    """
    return [
        layer
        for layer in layers
        if layer.error > MAX_ERROR or logits in layer.nodes
    ]
