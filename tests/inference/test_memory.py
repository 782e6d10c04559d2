"""The estimate of memory, against what a process really takes."""

import os
import subprocess
import sys
import types
from pathlib import Path

import keras
import pytest

from kerasseg.cli.tiles import is_too_large
from kerasseg.inference import memory
from kerasseg.inference.memory import estimated_bytes
from kerasseg.inference.memory import free_bytes
from kerasseg.inference.memory import runs_on_cpu

MEASURE = """
import re
import sys
import numpy as np
import kerasseg
from kerasseg.cli.tiles import is_too_large
from kerasseg.inference import memory


def read(name):
    with open("/proc/self/status") as file:
        return 1024 * int(re.search(name + r":\\s+(\\d+)", file.read())[1])


name, *size = sys.argv[1:]
size = [int(side) for side in size]
model = kerasseg.zoo.build(name)
rng = np.random.default_rng(0)
image = rng.integers(0, 256, (*size, 3), dtype="uint8")
kerasseg.inference.predict_mask(model, image[:64, :96])
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
before = read("VmRSS")
kerasseg.inference.predict_mask(model, image)
taken = read("VmHWM") - before
print(taken, memory.estimated_bytes(model, size))
"""


def chain(*filters, size=(None, None)):
    x = pixels = keras.Input((*size, 3))
    for f in filters:
        x = keras.layers.Conv2D(f, 1, dtype="float32")(x)
    return keras.Model(pixels, x)


def expected(maps, height, width):
    """What an estimate says of maps of so many channels in all."""
    overhead = memory._OVERHEAD[keras.config.backend()]
    pixels = height * width
    return round(
        overhead * 4 * pixels * maps + memory._FIXED + 24 * pixels, -3
    )


def kept(*alternatives):
    """The alternative of the backend: maps that end early, or stay."""
    return alternatives[keras.config.backend() == "torch"]


@pytest.mark.every_backend
def test_maps_count_while_a_layer_needs_them():
    found = estimated_bytes(chain(8, 24, 4), (330, 470, 3))
    assert round(found, -3) == expected(kept(32, 39), 330, 470)


@pytest.mark.parametrize("backend", ["numpy", "openvino"])
def test_backends_for_prediction_count_as_the_most_costly(monkeypatch, backend):
    model, pixels = chain(8, 24, 4), 330 * 470
    monkeypatch.setattr(keras.config, "backend", lambda: backend)
    most = round(1.4 * 4 * 39 * pixels + memory._FIXED + 24 * pixels)
    assert estimated_bytes(model, (330, 470, 3)) == pytest.approx(most, abs=1)


@pytest.mark.every_backend
def test_a_skip_connection_is_kept_until_it_is_read():
    pixels = keras.Input((None, None, 3))
    x = skip = keras.layers.Conv2D(16, 1)(pixels)
    for f in (8, 8, 16):
        x = keras.layers.Conv2D(f, 1)(x)
    model = keras.Model(pixels, keras.layers.Add()([x, skip]))
    found = estimated_bytes(model, (330, 470))
    assert round(found, -3) == expected(kept(48, 67), 330, 470)


@pytest.mark.every_backend
def test_models_within_models_are_followed():
    pixels = keras.Input((None, None, 3))
    model = keras.Model(pixels, chain(24, 4)(chain(8, 3)(pixels)))
    found = estimated_bytes(model, (330, 470))
    # The maps of a model within end with it, but for what it returns.
    assert round(found, -3) == expected(kept(28, 34), 330, 470)


def test_a_model_of_one_size_resizes_its_logits():
    model = chain(2, size=(64, 96))
    small, large = (330, 470), (3300, 4700)
    pixels = [height * width for height, width in (small, large)]
    difference = estimated_bytes(model, large) - estimated_bytes(model, small)
    assert difference == pytest.approx(40 * (pixels[1] - pixels[0]), rel=0.01)


def test_a_model_without_a_graph(rng):
    class Plain(keras.Model):
        input_shape = (None, None, None, 3)

        def call(self, inputs):
            return inputs[..., :2]

        def compute_output_shape(self, input_shape):
            return (*input_shape[:-1], 2)

    found = estimated_bytes(Plain(), (330, 470))
    assert round(found, -3) == expected(5, 330, 470)


@pytest.mark.parametrize(
    ("device", "answer"), [("/device:CPU:0", True), ("/device:GPU:0", False)]
)
def test_where_models_run(monkeypatch, device, answer):
    placed = types.SimpleNamespace(device=device)
    monkeypatch.setattr(keras.ops, "zeros", lambda shape: placed)
    assert runs_on_cpu() is answer


def test_tensors_without_a_device_are_the_systems(monkeypatch):
    monkeypatch.setattr(keras.ops, "zeros", lambda shape: object())
    assert runs_on_cpu()


@pytest.mark.parametrize("cpu", [True, False])
def test_the_memory_of_a_gpu_is_not_the_systems(monkeypatch, cpu):
    monkeypatch.setattr(memory, "free_bytes", lambda: 1)
    monkeypatch.setattr(memory, "runs_on_cpu", lambda: cpu)
    assert is_too_large(chain(8), (64, 96, 3), "a.png") is cpu


def test_free_memory_is_less_than_all_of_it():
    free = free_bytes()
    if free is None:
        pytest.skip("the system does not tell")
    assert free > 0


@pytest.mark.parametrize(
    ("limit", "used", "stat"),
    [
        ("memory.max", "memory.current", "inactive_file 100\n"),
        (
            "memory/memory.limit_in_bytes",
            "memory/memory.usage_in_bytes",
            "total_inactive_file 100\n",
        ),
    ],
)
def test_the_limit_of_a_container(tmp_path, limit, used, stat):
    for name, text in ((limit, "1000\n"), (used, "700\n")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / limit).with_name("memory.stat").write_text(f"anon 9\n{stat}")
    assert memory._left_in_group(tmp_path) == 400


def test_no_limit(tmp_path):
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("700\n")
    assert memory._left_in_group(tmp_path) is None


def measured(name, height, width):
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("the peak of memory is read from /proc")
    command = [sys.executable, "-c", MEASURE, name, str(height), str(width)]
    answer = subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )
    taken, estimate = answer.stdout.split()[-2:]
    return int(taken), int(estimate)


def check_estimate(name, height, width):
    taken, estimate = measured(name, height, width)
    # A tenth more or less depends on which layers run at once.
    assert taken <= 1.1 * estimate <= 1.65 * taken + memory._FIXED


@pytest.mark.slow
def test_the_estimate_of_one_image():
    check_estimate("lrr_4x", 840, 1120)


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["lrr_4x", "fcn_8s", "gdn", "lrr_4x_nuclei"])
@pytest.mark.parametrize("size", [(512, 384), (1200, 1600), (1728, 2304)])
def test_the_estimate(name, size):
    check_estimate(name, *size)
