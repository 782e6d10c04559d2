"""What a hostile or damaged weights file cannot do."""

import json
import random
import resource

import numpy as np
import pytest

from kerasseg.zoo.errors import WeightsError
from kerasseg.zoo.tensors import TensorFile
from kerasseg.zoo.weights import read_weights
from kerasseg.zoo.weights import write_weights

# What the file says about itself, unless a test says otherwise.
FACTS = {"format_version": 1, "num_classes": 5, "sha256": "0" * 64}


def container(tensors, facts=FACTS, numbers=b"", length=None):
    """The bytes of a file with any header."""
    header = {**tensors, "__metadata__": {"kerasseg": json.dumps(facts)}}
    text = json.dumps(header).encode()
    size = len(text) if length is None else length
    return size.to_bytes(8, "little") + text + numbers


def tensor(shape, first=0, last=0, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [first, last]}


def open_file(path):
    with TensorFile(path) as stored:
        stored.check_digest()
        return {name: stored.read(name) for name in stored.shapes}


@pytest.mark.parametrize(
    "content",
    [
        container({"a": tensor([2, 3], 0, 24)}, numbers=b"short"),
        container({"a": tensor([2, 3], 0, 12)}, numbers=bytes(12)),
        container({"a": tensor([2], 0, 8)}, numbers=bytes(12)),
        container({"a": tensor([2], 4, 12)}, numbers=bytes(12)),
        container(
            {"a": tensor([2], 0, 8), "b": tensor([2], 4, 12)},
            numbers=bytes(12),
        ),
        container({"a": tensor([2], 8, 0)}, numbers=bytes(8)),
        container({"a": tensor([-2], 0, 8)}, numbers=bytes(8)),
        container({"a": tensor([2**40, 2**40], 0, 8)}, numbers=bytes(8)),
        container({"a": tensor([2], 0, 8, "F99")}, numbers=bytes(8)),
        container({"a": {"dtype": "F32", "shape": [2]}}, numbers=bytes(8)),
        container({}, length=2**63),
        container({}, length=1 << 25),
        container({}, length=10),
        b"",
        b"\x00",
        bytes(8),
        b"[" * 100_000,
    ],
)
def test_containers_that_do_not_add_up(tmp_path, content):
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="damaged"):
        open_file(path)


def test_one_name_twice(tmp_path):
    path = tmp_path / "a.safetensors"
    text = container({"a": tensor([2], 0, 8), "b": tensor([2], 8, 16)})
    path.write_bytes(text.replace(b'"b"', b'"a"') + bytes(16))
    with pytest.raises(WeightsError, match="damaged"):
        open_file(path)


@pytest.mark.parametrize("dtype", ["BF16", "F64", "F8_E4M3"])
def test_other_types_of_numbers(tmp_path, dtype):
    size = {"BF16": 4, "F64": 16, "F8_E4M3": 2}[dtype]
    path = tmp_path / "a.safetensors"
    numbers = bytes(size)
    path.write_bytes(
        container({"a": tensor([2], 0, size, dtype)}, numbers=numbers)
    )
    with pytest.raises(WeightsError, match=f"where a has the type {dtype}"):
        open_file(path)


@pytest.mark.parametrize(
    "facts",
    [
        None,
        [],
        {},
        {**FACTS, "format_version": 2},
        {**FACTS, "num_classes": "5"},
        {**FACTS, "num_classes": -5},
        {**FACTS, "sha256": None},
    ],
)
def test_other_metadata(tmp_path, facts):
    path = tmp_path / "a.safetensors"
    path.write_bytes(
        container({"a": tensor([2], 0, 8)}, facts, numbers=bytes(8))
    )
    with pytest.raises(WeightsError, match="weights file of version 1"):
        open_file(path)


def test_deep_metadata(tmp_path):
    path = tmp_path / "a.safetensors"
    content = container({"a": tensor([2], 0, 8)}, "deep", bytes(8))
    header = content[8:-8].replace(b'\\"deep\\"', b"[" * 100_000)
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    with pytest.raises(WeightsError, match="weights file of version 1"):
        open_file(path)


def test_the_numbers_have_a_hash(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(container({"a": tensor([2], 0, 8)}, numbers=bytes(8)))
    with pytest.raises(WeightsError, match="not those that were written"):
        open_file(path)


def test_a_large_tensor_takes_no_memory_before_it_is_refused(tmp_path, net):
    """The file is sparse: its tensor has 8 GiB of zeros on no disk."""
    path = tmp_path / "a.safetensors"
    size = 8 << 30
    path.write_bytes(container({"stem/bias": tensor([size // 4], 0, size)}))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + size)
    model = net()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(WeightsError, match=f"stem/bias .{size // 4},"):
        read_weights(model, path)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100_000


def damage(content, generator):
    """Some bytes changed, cut out or put in."""
    content = bytearray(content)
    for _ in range(generator.randint(1, 3)):
        # Half of the time in the header, which is the smaller part.
        end = len(content) if generator.random() < 0.5 else 2000
        at = generator.randrange(max(1, min(end, len(content))))
        kind = generator.randrange(4)
        if kind == 0:
            content[at : at + 1] = bytes([generator.randrange(256)])
        elif kind == 1:
            del content[at : at + generator.randint(1, 40)]
        elif kind == 2:
            content[at:at] = generator.randbytes(generator.randint(1, 9))
        else:
            content[at : at + 1] = generator.choice(
                b'0123456789"{}[],:-eE.'
            ).to_bytes()
    return bytes(content)


def test_a_name_that_is_not_printable_is_escaped(tmp_path, net):
    path = tmp_path / "a.safetensors"
    model = net(filters=3)
    write_weights(model, path, dtype="float32")
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    name = next(name for name in header if name != "__metadata__")
    # The library shows the name of a tensor that is not where it should be.
    header["\x7f"] = {**header.pop(name), "data_offsets": [1, 2]}
    header = json.dumps(header).encode()
    start = len(header).to_bytes(8, "little") + header
    path.write_bytes(start + content[8 + length :])
    with pytest.raises(WeightsError, match="complete weights file") as caught:
        read_weights(model, path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "cases", [300, pytest.param(20_000, marks=pytest.mark.nightly)]
)
def test_damaged_files_change_nothing(tmp_path, net, scramble, cases):
    path = tmp_path / "a.safetensors"
    model = scramble(net(filters=3))
    write_weights(model, path, dtype="float32")
    content = path.read_bytes()
    expected = model.get_weights()
    generator = random.Random(cases)
    messages = []
    for _ in range(cases):
        path.write_bytes(damage(content, generator))
        try:
            read_weights(model, path)
        except WeightsError as error:
            messages.append(str(error))
    assert len(messages) > 0.9 * cases
    assert all(message.isprintable() for message in messages)
    for one, other in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(one, other)
