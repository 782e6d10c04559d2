"""State dictionaries of PyTorch as layers.

Names are those of modules with a part behind the last dot. Kernels of
convolutions are `(out, in, height, width)`, those of transposed ones `(in,
out, height, width)`; both become Keras' by one order of axes.
"""

from pathlib import Path

from kerasseg.importers import source
from kerasseg.importers.source import Layer
from kerasseg.importers.source import Source
from kerasseg.importers.torch_file import read_tensors

# What torchvision's classifiers take, of pixels in 0..1.
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)
_PARTS = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
_COUNTER = "num_batches_tracked"
# A batch normalization says no epsilon; this is PyTorch's own.
_EPSILON = 1e-5


def read(path: str | Path) -> Source:
    """Reads a state dictionary.

    A network in the names of torchvision (`features.0`) takes RGB with
    ImageNet's means and deviations, any other one is taken for one that was
    converted from Caffe and takes BGR.

    Args:
        path: Path of the file, see `torch_file.read_tensors`.

    Returns:
        A `Source`.

    Raises:
        WeightsError: If the file is damaged, or needs code to be read.
    """
    modules = {}
    for name, tensor in read_tensors(path).items():
        module, _, part = name.rpartition(".")
        if part != _COUNTER:
            modules.setdefault(module, {})[part] = tensor
    layers = tuple(_layer(name, parts) for name, parts in modules.items())
    named = {layer.name for layer in layers}
    if "features.0" in named:
        return Source(
            str(path),
            "PyTorch",
            layers,
            "RGB",
            "CHW",
            tuple(255 * x for x in _MEAN),
            tuple(255 * x for x in _DEVIATION),
        )
    return Source(str(path), "PyTorch", layers, "BGR", "CHW")


def _layer(name, parts):
    weight = parts.get("weight")
    rank = len(weight.shape) if weight else 0
    bias = {"bias": parts["bias"]} if "bias" in parts else {}
    if rank == 4:
        kernel = weight.transposed(2, 3, 1, 0)
        return Layer(name, source.CONV, {"kernel": kernel, **bias})
    if rank == 2:
        kernel = weight.transposed(1, 0)
        return Layer(name, source.DENSE, {"kernel": kernel, **bias})
    if "running_mean" in parts:
        tensors = {_PARTS.get(part, part): t for part, t in parts.items()}
        return Layer(name, source.BATCH_NORM, tensors, {"epsilon": _EPSILON})
    if set(parts) == {"weight"} and rank == 1:
        return Layer(name, source.PRELU, {"alpha": weight})
    return Layer(name, "unknown", parts)
