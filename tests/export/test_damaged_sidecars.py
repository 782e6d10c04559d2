"""A sidecar is the one that was written, or it is refused."""

import json

import numpy as np
import pytest
from damage import at
from damage import draw
from damage import edits
from damage import same
from sidecars import described

from kerasseg.export import read_sidecar
from kerasseg.export import schema
from kerasseg.export.sidecar import sealed

SCALE = {"scale": 0.007843137718737125, "zero_point": -128}
SERVED = {
    "input": {
        "name": "encoded",
        "shape": [1],
        "dtype": "string",
        "meaning": "the bytes of one JPEG or PNG file",
    }
}


def mask_sidecar():
    """One in which each field that may be there is there."""
    content = described(
        b"graph",
        input={"dtype": "int8", "quantization": SCALE},
        output={
            "name": "mask",
            "shape": [1, 34, 47],
            "layout": "NHW",
            "dtype": "uint8",
            "stride": 4,
        },
        proof={"miou_before": 0.75, "miou_after": 0.7421875},
    )
    return sealed({**content, "signatures": {"serving_encoded": SERVED}})


SIDECARS = {
    "logits": lambda: described(b"graph"),
    "mask": mask_sidecar,
    "no labels": lambda: described(
        b"graph", class_names=None, palette=None, ignore_classes=None
    ),
}


@pytest.fixture
def read(tmp_path):
    """Reads bytes as the sidecar of a file."""

    def read(content):
        (tmp_path / "net.onnx.json").write_bytes(content)
        return read_sidecar(tmp_path / "net.onnx")

    return read


def refused(read, content):
    """Whether bytes are no sidecar, which a clear error says."""
    try:
        read(content)
    except ValueError as error:
        message = str(error)
        assert message.startswith("`path` must have a readable sidecar")
        assert "net.onnx" in message
        assert len(message) < 2000
        return True
    return False


@pytest.mark.parametrize("name", SIDECARS)
def test_what_is_written_is_read(read, name):
    content = SIDECARS[name]()
    assert read(json.dumps(content).encode()) == content
    # Spaces, the order of keys and the form of numbers are no edits.
    other = json.dumps(
        {key: content[key] for key in sorted(content)[::-1]},
        separators=(" ,\n", " :\t"),
        ensure_ascii=False,
    )
    assert same(read(other.replace(": 1.0", ": 10e-1").encode()), content)


@pytest.mark.parametrize("name", SIDECARS)
def test_no_edit_of_one_field_passes(read, name):
    content = SIDECARS[name]()
    count = 0
    for path, edited in edits(content):
        count += 1
        text = json.dumps(edited).encode("utf-8", "surrogatepass")
        assert refused(read, text), path
    assert count > 1000


def test_no_repeated_field_passes(read):
    text = json.dumps(described(b"graph"))
    for field in ("palette", "num_classes", "seal"):
        twice = text.replace(f'"{field}"', f'"{field}": null, "{field}"', 1)
        assert refused(read, twice.encode())


@pytest.mark.parametrize("name", SIDECARS)
def test_a_new_seal_saves_no_edit_that_the_schema_forbids(read, name):
    """What is accepted with a new seal is of the kind that was there."""
    content = SIDECARS[name]()
    accepted = 0
    for path, edited in edits(content):
        if path[0] == schema.SEAL:
            continue
        try:
            text = json.dumps(sealed(edited))
        except ValueError:
            continue
        assert not refused(read, text.encode())
        accepted += 1
        try:
            new, old = at(edited, path), at(content, path)
        except (KeyError, IndexError):
            continue
        null = None in (new, old)
        number = isinstance(old, float) and isinstance(new, int)
        assert null or number or type(new) is type(old), path
    assert accepted > 50


@pytest.mark.parametrize(
    "cases",
    [range(400), pytest.param(range(20_000), marks=pytest.mark.nightly)],
)
@pytest.mark.one_backend
def test_damaged_sidecars_are_refused(read, cases):
    contents = [make() for make in SIDECARS.values()]
    passed = 0
    for case in cases:
        rng = np.random.default_rng([20160, case])
        content = contents[case % len(contents)]
        text = draw(content, rng)
        try:
            if not refused(read, text):
                passed += 1
                assert same(json.loads(text), content)
        except Exception as error:
            error.add_note(f"case {case}")
            raise
    assert passed < 0.1 * len(cases)
