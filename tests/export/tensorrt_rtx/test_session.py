"""ONNX files in TensorRT for RTX, with stand-ins for the plugin.

Nothing is said of a GPU: the stand-in computes with ONNX Runtime.
"""

import ctypes.util
import importlib.metadata
import sys

import numpy as np
import pytest
from tensorrt_stand_ins import rtx_stand_ins

from kerasseg.benchmark import Target
from kerasseg.benchmark import measure
from kerasseg.benchmark import targets_of
from kerasseg.cli.main import main
from kerasseg.export import ExportError
from kerasseg.export import Gate
from kerasseg.export import to_onnx
from kerasseg.export import verify_file
from kerasseg.export.tensorrt_rtx import session
from kerasseg.export.tensorrt_rtx.session import check_driver
from kerasseg.formats import RUNTIMES

pytestmark = [pytest.mark.slow, pytest.mark.export]

SHAPE = (32, 48)
PLUGIN = "onnxruntime_ep_nv_tensorrt_rtx"
# A library of every Linux, in place of the driver's.
ANY = "libc.so.6"


@pytest.fixture(scope="module")
def net(tiny, tmp_path_factory):
    """An ONNX file with its sidecar."""
    path = tmp_path_factory.mktemp("net") / "net.onnx"
    to_onnx(tiny, path, image_shape=SHAPE)
    return path


@pytest.fixture
def no_driver(monkeypatch):
    monkeypatch.setattr(session, "DRIVERS", {sys.platform: "no-such.so.1"})


@pytest.fixture
def stand_ins(tmp_path, monkeypatch):
    """A driver, and modules that stand for ONNX Runtime and the plugin."""
    monkeypatch.setattr(session, "DRIVERS", {sys.platform: ANY})
    folder = rtx_stand_ins(tmp_path / "stand_ins")
    monkeypatch.syspath_prepend(folder)
    for name in ("onnxruntime", PLUGIN):
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield folder
    for name in ("onnxruntime", PLUGIN):
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_without_a_driver_one_sentence(no_driver, net, tiny, monkeypatch):
    sentence = "there is no NVIDIA driver .no-such.so.1 is missing."
    with pytest.raises(ImportError, match=sentence) as caught:
        check_driver()
    assert str(caught.value).count(".") == 3
    loaded = PLUGIN in sys.modules
    with pytest.raises(ImportError, match=sentence):
        verify_file(net, tiny, runtime="tensorrt_rtx")
    assert (PLUGIN in sys.modules) == loaded, "loaded 300 MB in vain"
    monkeypatch.setattr(session, "DRIVERS", {})
    with pytest.raises(ImportError, match="is made for Linux and Windows"):
        check_driver()


def test_the_commands_say_so(no_driver, net, capsys, monkeypatch, tmp_path):
    import keras

    from kerasseg import zoo

    images = keras.Input((*SHAPE, 3))
    model = keras.Model(images, keras.layers.Conv2D(4, 1)(images))
    zoo.save(model, tmp_path / "own")
    to_onnx(model, tmp_path / "own.onnx")
    argv = ["verify", str(tmp_path / "own.onnx")]
    argv += ["--against", str(tmp_path / "own"), "--runtime", "tensorrt-rtx"]
    assert main(argv) == 2
    told = capsys.readouterr().err
    assert told.startswith("kerasseg: TensorRT for RTX cannot run: there is no")
    assert told.count("\n") == 1


@pytest.mark.skipif(
    ctypes.util.find_library("cuda") is not None, reason="has a driver"
)
def test_the_benchmark_goes_on_without_a_driver(net, capsys):
    argv = ["benchmark", str(net), "--rounds", "1", "--runs", "1"]
    assert main([*argv, "--runtime", "tensorrt-rtx"]) == 1
    told = capsys.readouterr().out
    assert "TensorRT for RTX through ONNX Runtime: cannot be run: " in told
    assert "there is no NVIDIA driver" in told
    assert told.splitlines()[2].startswith("net.onnx  onnxruntime")


def test_a_file_is_verified_in_it(stand_ins, net, tiny):
    for _ in range(2):  # The plugin is registered once.
        report = verify_file(net, tiny, runtime="tensorrt_rtx")
        assert report.mask_agreement > 0.999
        (note, *_) = report.notes
        version = importlib.metadata.version(RUNTIMES["tensorrt_rtx"].package)
        assert f"-cu13 {version}) on A stand-in GPU" in note
        assert "TF32" in note
    # Within the limits of a gate, since a GPU may round.
    assert "at least 98.00 % required" in report.gate
    strict = Gate(mask_agreement=1.0)
    verify_file(net, tiny, runtime="tensorrt_rtx", gate=strict)


def test_another_result_is_refused(stand_ins, net, build_once):
    other = build_once()
    other.get_layer("logits").set_weights(
        [-w for w in other.get_layer("logits").get_weights()]
    )
    with pytest.raises(ExportError, match="at least 98.00 % required"):
        verify_file(net, other, runtime="tensorrt_rtx")


def test_a_plugin_that_cannot_be_loaded(stand_ins, net, tiny):
    plugin = stand_ins / f"{PLUGIN}.py"
    plugin.write_text(plugin.read_text().replace("plugin.so", "gone.so"))
    with pytest.raises(ImportError, match="cannot load its plugin .no such li"):
        verify_file(net, tiny, runtime="tensorrt_rtx")
    plugin.write_text("raise ImportError('no plugin')\n")
    sys.modules.pop(PLUGIN)
    with pytest.raises(ImportError, match=r"no plugin. .*\[tensorrt-rtx\]"):
        verify_file(net, tiny, runtime="tensorrt_rtx")


def test_a_machine_without_such_a_gpu(stand_ins, net, tiny, monkeypatch):
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_ep_devices", list)
    with pytest.raises(ImportError, match="it serves none of the GPUs of this"):
        verify_file(net, tiny, runtime="tensorrt_rtx")


def test_runtimes_of_other_files(net, tiny):
    with pytest.raises(ValueError, match="`runtime` must be one of tensorrt_r"):
        verify_file(net, tiny, runtime="cuda")
    for arguments in (("net.tflite", "litert"), ("net.xml", "openvino")):
        with pytest.raises(
            ValueError, match="`runtime` must be None for a f"
        ):
            Target("net", *arguments, (1, 8, 8, 3), runtime="tensorrt_rtx")
    with pytest.raises(ValueError, match="`format` must be one of saved_model"):
        Target("net", "net.engine", "tensorrt_rtx", (1, 8, 8, 3))


def test_times_beside_the_processor(net, tmp_path, monkeypatch):
    import dataclasses
    import os

    folder = rtx_stand_ins(tmp_path / "stand_ins")
    library = ctypes.util.find_library("m")
    drivers = tmp_path / "drivers"
    drivers.mkdir()
    found = [p for p in LIBRARIES if os.path.exists(f"{p}/{library}")]
    if sys.platform != "linux" or not found:
        pytest.skip("needs a library to stand for the driver's")
    (drivers / "libcuda.so.1").symlink_to(f"{found[0]}/{library}")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(drivers))
    (plain,) = targets_of([net])
    other = dataclasses.replace(plain, name="rtx", runtime="tensorrt_rtx")
    timings = measure([other], threads=1, rounds=2, runs=2, pause=0)
    assert timings[0].error is None
    assert [len(runs) for runs in timings[0].rounds] == [2, 2]
    assert timings[0].runtime.startswith(RUNTIMES["tensorrt_rtx"].package)
    assert np.all(np.array(timings[0].seconds) > 0)


LIBRARIES = (
    *("/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/lib64", "/usr/lib"),
)
