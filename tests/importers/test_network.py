"""Files that are not what they seem."""

import random
import resource

import numpy as np
import pytest

from kerasseg.importers import read_network
from kerasseg.zoo import WeightsError

KINDS = (
    *("caffe", "caffe_v1", "mat5", "mat5_compressed", "mat73"),
    *("zip", "legacy", "safetensors", "keras", "keras_texts", "npy"),
)


@pytest.fixture
def written(tmp_path, make, array):
    """A function that writes a small network in one of the forms."""

    def write(kind):
        path = tmp_path / "a"
        kernel, bias = array(4, 3, 2, 5), array(4)
        dag = make.dag(
            [("conv", "Conv", {"pad": [1]}, {"conv_f": kernel, "conv_b": bias})]
        )
        if kind.startswith("caffe"):
            arrays = [kernel, bias]
            form = {"v1": True, "legacy": True} if "v1" in kind else {}
            layer = make.caffe_layer("conv", "Convolution", arrays, **form)
            return make.caffemodel(path, layer)
        if kind.startswith("mat5"):
            return make.mat5(path, dag, "compressed" in kind)
        if kind == "mat73":
            return make.mat73(path, dag)
        if kind == "safetensors":
            return make.safetensors(path, {"conv.weight": kernel})
        if kind.startswith("keras"):
            layers = {"conv": {"conv/kernel:0": kernel}}
            return make.keras_h5(path, layers, fixed=kind == "keras")
        if kind == "npy":
            with path.open("wb") as file:
                np.save(file, array(5, 7))
            return path
        torch = pytest.importorskip("torch")
        state = {"conv.weight": torch.from_numpy(kernel)}
        torch.save(state, path, _use_new_zipfile_serialization=kind == "zip")
        return path

    return write


def read_all(path):
    paths = [path]
    if path.read_bytes()[:6] == b"\x93NUMPY":
        paths = [path, path]
    source = read_network(*paths)
    for layer in source.named().values():
        for tensor in layer.tensors.values():
            tensor.array()
    return source


def damage(content, generator):
    """Some bytes changed, cut out or put in, more of them at the start."""
    content = bytearray(content)
    for _ in range(generator.randint(1, 3)):
        end = len(content) if generator.random() < 0.5 else 600
        at = generator.randrange(max(1, min(end, len(content))))
        kind = generator.randrange(5)
        if kind == 0:
            content[at : at + 1] = bytes([generator.randrange(256)])
        elif kind == 1:
            del content[at : at + generator.randint(1, 40)]
        elif kind == 2:
            content[at:at] = generator.randbytes(generator.randint(1, 9))
        elif kind == 3:
            content[at : at + 4] = b"\xff\xff\xff\x7f"
        else:
            content = content[: max(at, 40)]
    return bytes(content)


def grown(before):
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "cases", [60, pytest.param(3000, marks=pytest.mark.nightly)]
)
def test_damaged_files_are_refused_or_read(written, kind, cases):
    path = written(kind)
    content = path.read_bytes()
    read_all(path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    generator = random.Random(cases)
    messages = []
    for _ in range(cases):
        path.write_bytes(damage(content, generator))
        try:
            read_all(path)
        except WeightsError as error:
            messages.append(str(error))
    # Numbers have no hash in these forms: some damage is only other numbers.
    assert len(messages) > 0.2 * cases
    assert all(message.isprintable() for message in messages)
    assert grown(before) < 150_000


@pytest.mark.parametrize("kind", KINDS)
def test_cut_files(written, kind):
    path = written(kind)
    content = path.read_bytes()
    for size in (0, 1, 9, 60, 200, len(content) // 2, len(content) - 1):
        path.write_bytes(content[: min(size, len(content) - 1)])
        with pytest.raises(WeightsError):  # noqa: PT011
            read_all(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "begins like none of them"),
        (b"\x89PNG\r\n\x1a\n", "begins like none of them"),
        (b"PK\x03\x04", "runs nothing"),
        (b"\x80\x04\x95", "A pickle is a program"),
        (b"\x0a\x03net", "no layers"),
    ],
)
def test_other_files(tmp_path, content, message):
    path = tmp_path / "a.bin"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=message):
        read_network(path)


def test_paths(tmp_path, written):
    with pytest.raises(FileNotFoundError, match="no weights file at"):
        read_network(tmp_path / "none")
    with pytest.raises(WeightsError, match="Received: 0 files"):
        read_network()
    path = written("caffe")
    with pytest.raises(WeightsError, match="Received: 2 files"):
        read_network(path, path)


def test_arrays_of_objects_are_refused(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.array([{"a": 1}, None]), allow_pickle=True)
    with pytest.raises(WeightsError, match="[Pp]ickle|object"):
        read_network(path, path)


@pytest.mark.parametrize("shape", [(3,), (2, 3, 4)])
def test_arrays_that_are_no_matrix(tmp_path, array, shape):
    path = tmp_path / "a.npy"
    np.save(path, array(*shape))
    with pytest.raises(WeightsError, match="float32 of shape"):
        read_network(path, path)
    np.save(path, array(2, 3))
    with pytest.raises(WeightsError, match="Received: 1"):
        read_network(path)


def test_two_layers_of_one_name(tmp_path, make, array):
    layers = [
        make.caffe_layer("a", "Convolution", [array(1, 1, 1, n)])
        for n in (2, 3)
    ]
    source = read_network(make.caffemodel(tmp_path / "a", *layers))
    with pytest.raises(WeightsError, match="two of the name a"):
        source.named()
