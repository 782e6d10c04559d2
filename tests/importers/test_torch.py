import collections
import io
import os
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from kerasseg.importers import read_network
from kerasseg.importers.pickled import read_pickle
from kerasseg.importers.torch_file import read_tensors
from kerasseg.zoo import WeightsError

torch = pytest.importorskip("torch")
FORMS = ["safetensors", "zip", "legacy"]


def write(path, state, form, make):
    if form == "safetensors":
        arrays = {
            k: v.numpy() for k, v in state.items() if v.is_floating_point()
        }
        return make.safetensors(path, arrays)
    torch.save(state, path, _use_new_zipfile_serialization=form == "zip")
    return path


@pytest.fixture
def state(array):
    kernel = torch.from_numpy(array(4, 6, 2, 3))
    return {
        "conv.weight": kernel,
        "conv.bias": torch.from_numpy(array(4)),
        "moved.weight": torch.from_numpy(array(3, 5, 2)).permute(2, 0, 1),
        "part.weight": kernel[1:3, 2:, 0],
        "half.weight": torch.from_numpy(array(3)).half().float(),
        "bn.weight": torch.from_numpy(array(4)),
        "bn.bias": torch.from_numpy(array(4)),
        "bn.running_mean": torch.from_numpy(array(4)),
        "bn.running_var": torch.from_numpy(array(4)) ** 2,
        "bn.num_batches_tracked": torch.tensor(7),
        "fc.weight": torch.from_numpy(array(3, 8)),
        "act.weight": torch.from_numpy(array(3)),
    }


@pytest.mark.parametrize("form", FORMS)
def test_numbers_are_those_of_pytorch(tmp_path, make, state, form):
    found = read_tensors(write(tmp_path / "a", state, form, make))
    for name, tensor in found.items():
        np.testing.assert_array_equal(tensor.array(), state[name].numpy())
    assert set(state) - set(found) <= {"bn.num_batches_tracked"}


@pytest.mark.parametrize("form", FORMS)
def test_layers(tmp_path, make, state, form):
    source = read_network(write(tmp_path / "a", state, form, make))
    assert (source.format, source.flattening) == ("PyTorch", "CHW")
    layers = source.named()
    kinds = {name: layer.kind for name, layer in layers.items()}
    assert kinds["conv"] == "Conv2D"
    assert kinds["fc"] == "Dense"
    assert kinds["bn"] == "BatchNormalization"
    assert kinds["act"] == "PReLU"
    expected = state["conv.weight"].numpy()
    found = layers["conv"].tensors["kernel"].array()
    for out, channel, row, col in np.ndindex(expected.shape):
        one = expected[out, channel, row, col]
        assert found[row, col, channel, out] == one
    expected = state["bn.running_var"].numpy()
    found = layers["bn"].tensors["moving_variance"].array()
    np.testing.assert_array_equal(found, expected)
    assert layers["bn"].settings == {"epsilon": 1e-5}


@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_what_trainers_save_beside_the_weights(tmp_path, make, state, form):
    checkpoint = {
        "epoch": 3,
        "state_dict": collections.OrderedDict(state),
        "optimizer": {"lr": 0.1, "groups": [1, (2, None)], "on": True},
    }
    path = write(tmp_path / "a", checkpoint, form, make)
    assert list(read_tensors(path)) == list(state)


@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_an_optimizer_and_averages_are_left_out(tmp_path, make, state, form):
    moments = {"exp_avg": torch.ones(4, 6, 2, 3), "step": torch.tensor(5.0)}
    checkpoint = {
        "optimizer": {"state": {0: moments}, "groups": [torch.ones(7)]},
        "ema": {name: 2 * tensor for name, tensor in state.items()},
        "model": state,
    }
    path = write(tmp_path / "a", checkpoint, form, make)
    found = read_tensors(path)
    assert list(found) == list(state)
    for name, tensor in found.items():
        np.testing.assert_array_equal(tensor.array(), state[name].numpy())


@pytest.mark.parametrize("form", ["zip", "legacy"])
@pytest.mark.parametrize(
    ("dtype", "name"),
    [(torch.bfloat16, "BFloat16"), (torch.complex64, "ComplexFloat")],
)
def test_numbers_of_other_types(tmp_path, make, form, dtype, name):
    path = write(tmp_path / "a", {"w": torch.ones(3).to(dtype)}, form, make)
    with pytest.raises(
        WeightsError, match=rf"numbers of the type {name}\. In PyTorch"
    ):
        read_tensors(path)


@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_parameters_and_modules(tmp_path, make, form):
    module = torch.nn.Conv2d(2, 3, 1)
    state = {f"conv.{k}": v for k, v in module.named_parameters()}
    found = read_tensors(write(tmp_path / "a", state, form, make))
    for name, tensor in found.items():
        expected = state[name].detach().numpy()
        np.testing.assert_array_equal(tensor.array(), expected)
    path = write(tmp_path / "b", module, form, make)
    with pytest.raises(
        WeightsError, match="names torch.nn.modules.conv.Conv2d"
    ):
        read_tensors(path)


class Touch:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_a_list_that_runs_code_is_not_run(tmp_path, make, form):
    touched = tmp_path / "touched"
    state = {"a.weight": torch.zeros(2), "b": Touch(touched)}
    path = write(tmp_path / "a", state, form, make)
    with pytest.raises(WeightsError, match=r"names .*\.open, which a pickle"):
        read_network(path)
    assert not touched.exists()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_other_pickles_are_refused_and_why(tmp_path, protocol):
    touched = tmp_path / "touched"
    path = tmp_path / "weights.pth"
    path.write_bytes(pickle.dumps([Touch(touched)], protocol))
    with pytest.raises(WeightsError, match="A pickle is a program"):
        read_network(path)
    assert not touched.exists()
    path = tmp_path / "weights.pkl"
    path.write_bytes(pickle.dumps([1], 0))
    with pytest.raises(WeightsError, match="A pickle is a program"):
        read_network(path)


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
def test_pickles_of_plain_things(protocol):
    content = {"a": [1, 2.5, None, True], "b": ("x", (), {}), "c": -(1 << 40)}
    file = io.BytesIO(pickle.dumps(content, protocol))
    if protocol == 0:
        with pytest.raises(ValueError, match="the operation"):
            read_pickle(file)
        return
    assert read_pickle(file) == content


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"size": 3}, "beyond its 3 numbers"),
        ({"start": -1}, "a tensor of shape"),
        ({"shape": (2, -3)}, "a tensor of shape"),
        ({"strides": (1 << 70, 1)}, "beyond its 6 numbers"),
        ({"shape": (2, 3, 1)}, "a tensor of 3 axes"),
        ({"shape": (1,) * 9, "strides": (1,) * 9}, "a tensor of 9 axes"),
    ],
)
def test_tensors_beyond_their_storage(change, reason):
    from kerasseg.importers.pickled import Storage
    from kerasseg.importers.pickled import Stored

    size = change.pop("size", 6)
    usual = {"start": 0, "shape": (2, 3), "strides": (3, 1)}
    with pytest.raises(ValueError, match=reason):
        Stored(Storage("0", "<f4", size), **{**usual, **change})


def test_numbers_that_are_compressed_or_cut(tmp_path, make, state):
    path = write(tmp_path / "a", state, "zip", make)
    again = tmp_path / "b"
    with (
        zipfile.ZipFile(path) as old,
        zipfile.ZipFile(again, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(WeightsError, match="compressed numbers"):
        read_tensors(again)
    path = write(tmp_path / "c", state, "legacy", make)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(WeightsError, match="ends after the file"):
        read_tensors(path)


@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_signs_that_are_turned_as_they_are_read(tmp_path, make, form):
    kernel = torch._neg_view(torch.rand(4, 3, 2, 2))
    path = write(tmp_path / "a.pth", {"a.weight": kernel}, form, make)
    with pytest.raises(WeightsError, match="marked by.*neg"):
        read_tensors(path)


def test_a_storage_within_another_one():
    """As PyTorch before 0.4 wrote views."""
    key = ("storage", torch.FloatStorage, "1", "cpu", 4, ("0", 2, 4))

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return key if value == "a view" else None

    file = io.BytesIO()
    Pickler(file, protocol=2).dump({"a": "a view"})
    file.seek(0)
    with pytest.raises(ValueError, match="a part of another one"):
        read_pickle(file)


def test_pytorch_is_not_imported(tmp_path, make, state):
    path = write(tmp_path / "a", state, "zip", make)
    code = (
        "import sys, kerasseg.importers as i\n"
        f"s = i.read_network({str(path)!r})\n"
        "s.named()['conv'].tensors['kernel'].array()\n"
        "assert 'torch' not in sys.modules and 'pickle' in sys.modules\n"
    )
    # The backend that is imported in the least time.
    environment = {**os.environ, "KERAS_BACKEND": "numpy"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_torchvision_takes_rgb_with_its_deviations(tmp_path, make, array):
    path = make.safetensors(
        tmp_path / "a.safetensors", {"features.0.weight": array(4, 3, 3, 3)}
    )
    source = read_network(path)
    assert source.channels == "RGB"
    assert source.mean == pytest.approx((123.675, 116.28, 103.53))
    assert source.deviation == pytest.approx((58.395, 57.12, 57.375))


def test_other_archives(tmp_path, make, state):
    path = tmp_path / "a.npz"
    np.savez(path, a=np.eye(2))
    with pytest.raises(WeightsError, match="archive with 0 lists of tensors"):
        read_network(path)
    path = write(tmp_path / "b", state, "zip", make)
    path.write_bytes(path.read_bytes().replace(b"little", b"bigger"))
    with pytest.raises(WeightsError, match="another order|Bad CRC"):
        read_network(path)
