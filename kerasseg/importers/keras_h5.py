"""Weights files of Keras 1 and 2: HDF5 with a group for each layer.

The attribute `layer_names` lists the layers, and `weight_names` of each their
weights. Names of weights changed from version to version; their ends tell the
part. Networks of that time take BGR.
"""

import mmap
import re
from pathlib import Path

from kerasseg.importers import source
from kerasseg.importers.hdf5 import Hdf5File
from kerasseg.importers.source import Layer
from kerasseg.importers.source import Source
from kerasseg.importers.source import unreadable
from kerasseg.zoo.errors import WeightsError

MAGIC = b"\x89HDF\r\n\x1a\n"
_WHAT = "a weights file of Keras 1 or 2 (.h5)"
_WHOLE_MODEL = "model_weights"
# What Keras 2 writes down beside the layers, and files of Keras 1 are called.
_BACKEND, _THEANO, _THEANO_NAME = "backend", b"theano", "th_kernels"
_PARTS = {
    "kernel": r"kernel|W",
    "bias": r"bias|b",
    "gamma": r"gamma",
    "beta": r"beta",
    "moving_mean": r"moving_mean|running_mean",
    # Of Keras 1, which kept variances under this name.
    "moving_variance": r"moving_variance|running_std",
}
_END = "(?:^|[/_])({})(?:_\\d+)?(?::0)?$"
_MAX_NAMES, _DEPTH = 1 << 14, 8


def read(path: str | Path) -> Source:
    """Reads a weights file, or the weights of a whole saved model.

    Args:
        path: Path of the file.

    Returns:
        A `Source`.

    Raises:
        WeightsError: If the file is damaged, of another version, or written
            with Theano.
        ImportError: If h5py is not installed.
    """
    file = Hdf5File(path, _WHAT)
    with file.errors():
        root = file.root
        if _WHOLE_MODEL in root:
            root = file.member(root, _WHOLE_MODEL)
        if "layer_names" not in root.attrs:
            raise unreadable(
                path, _WHAT, "no list of layers; files of Keras 3 have none"
            )
        _check_backend(path, root)
        if file.is_of_variable_length(root, "layer_names"):
            layers = _layers_by_place(file, root)
        else:
            layers = [
                _layer(file, file.member(root, name), name)
                for name in _names(file, root, "layer_names")
            ]
    return Source(
        str(path), "Keras", tuple(x for x in layers if x.tensors), "BGR", "HWC"
    )


def _check_backend(path, root):
    """Refuses kernels of Theano, which turns them where others do not."""
    if _THEANO_NAME not in Path(path).name and not (
        _BACKEND in root.attrs and _mentions(path, _THEANO)
    ):
        return
    raise WeightsError(
        "`path` must hold kernels as TensorFlow has them. Received: "
        f"path='{path}', written with Theano, whose kernels are turned by 180 "
        "degrees. Keras 2 on TensorFlow turns them as it loads such a file, "
        "and saves them turned; of Keras 1 there are files of TensorFlow, with "
        "tf_kernels in their names."
    )


def _mentions(path, word):
    # The attribute itself is of variable length, and not read for that.
    with (
        open(path, "rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        return content.find(word) >= 0


def _names(file, group, attribute):
    # Long lists are in several attributes.
    keys = [attribute, *(f"{attribute}{i}" for i in range(len(group.attrs)))]
    found = [n for key in keys for n in file.attribute(group, key, ())]
    if len(found) > _MAX_NAMES:
        raise ValueError(f"{len(found)} names in {attribute}")
    return [n.decode() if isinstance(n, bytes) else str(n) for n in found]


def _layers_by_place(file, root):
    """The layers of a file whose lists of names are not read.

    A weight lies below its layer, by custom as `layer/layer/kernel:0`.
    """
    found, todo = {}, [("", root)]
    while todo:
        place, item = todo.pop()
        if file.is_group(item):
            if len(found) + len(todo) > _MAX_NAMES or place.count("/") > _DEPTH:
                raise ValueError(
                    "groups that are nested too deeply or too many"
                )
            todo += [(f"{place}/{n}", file.member(item, n)) for n in item]
            continue
        *folders, weight = place.strip("/").split("/")
        half = max(1, len(folders) // 2)
        name, rest = "/".join(folders[:half]), folders[half:]
        found.setdefault(name, []).append("/".join([*rest, weight]))
    return [
        _layer(file, file.member(root, name), name, sorted(weights))
        for name, weights in sorted(found.items())
        if name
    ]


def _layer(file, group, name, weights=None):
    tensors = {}
    if weights is None:
        weights = _names(file, group, "weight_names")
    for weight in weights:
        tensor = file.tensor(file.member(group, weight), f"{name}: {weight}")
        part = _part(weight)
        if part in tensors:
            raise ValueError(f"{name} has two weights of the kind {part}")
        tensors[part] = tensor
    return Layer(name, _kind(tensors), tensors)


def _part(weight):
    """The part of a layer that a weight is, by the end of its name."""
    for part, end in _PARTS.items():
        if re.search(_END.format(end), weight):
            return part
    return weight


def _kind(tensors):
    if "moving_mean" in tensors:
        return source.BATCH_NORM
    rank = len(tensors["kernel"].shape) if "kernel" in tensors else 0
    return {2: source.DENSE, 4: source.CONV}.get(rank, "unknown")
