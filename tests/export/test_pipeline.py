"""What every exporter refuses, and what it leaves behind: nothing."""

import builtins
import contextlib
import errno
import importlib
import json
import os
import signal
import time

import keras
import numpy as np
import pytest
from keras import layers
from sidecars import described

from kerasseg.data import Labels
from kerasseg.export import ExportError
from kerasseg.export import pipeline
from kerasseg.export import to_litert
from kerasseg.export import to_onnx
from kerasseg.export import to_saved_model
from kerasseg.export.onnx.exporter import OnnxFormat

SHAPE = (32, 48)
ALL = pytest.mark.parametrize(
    ("exporter", "suffix"),
    [(to_saved_model, ""), (to_litert, ".tflite"), (to_onnx, ".onnx")],
)


def test_labels_and_scores_reach_report_and_sidecar(model, tmp_path, rng):
    labels = Labels(("sky", "road", "car", "tree"))
    images = [rng.integers(0, 256, (36, 50, 3), "uint8") for _ in range(2)]
    masks = [rng.integers(0, 4, (36, 50), "uint8") for _ in range(2)]
    masks[0][:3] = 255
    path = tmp_path / "x.onnx"
    report = to_onnx(
        model,
        path,
        image_shape=SHAPE,
        verify_on=list(zip(images, masks, strict=True)),
        labels=labels,
    )
    assert report.images == 2
    assert 0 < report.miou_before < 1
    assert report.miou_after == pytest.approx(report.miou_before, abs=1e-3)
    sidecar = json.loads((tmp_path / "x.onnx.json").read_text())
    assert sidecar["class_names"] == ["sky", "road", "car", "tree"]
    assert sidecar["palette"] == [list(c) for c in labels.palette]
    assert sidecar["proof"]["mask_agreement"] == report.mask_agreement
    assert sidecar["sha256"] == report.sha256


def test_labels_for_other_classes_are_refused(model, tmp_path):
    with pytest.raises(ValueError, match="must name the 4 classes.*2 names"):
        to_onnx(
            model,
            tmp_path / "x.onnx",
            image_shape=SHAPE,
            labels=Labels(("sky", "road")),
        )


@ALL
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"precision": "int4"}, "`precision` must be one of float32"),
        ({"output": "scores"}, "`output` must be one of logits, mask"),
        ({"image_shape": None}, "`image_shape` must be .height, width.*None"),
        ({"image_shape": (31, 64)}, "must be at least 32 by 32.*31, 64"),
        ({"image_shape": (64,)}, "must be .height, width. or .*64"),
        ({"image_shape": (64, 64, 1)}, "agree with the shape .*None, 3"),
        ({"verify_on": 7}, "`verify_on` must be None, a dataset"),
        ({"verify_on": []}, "`verify_on` must hold at least one image"),
    ],
)
def test_arguments_that_cannot_be_honored(
    model, tmp_path, exporter, suffix, arguments, message
):
    arguments = {"image_shape": SHAPE, **arguments}
    with pytest.raises((ValueError, TypeError), match=message):
        exporter(model, tmp_path / ("x" + suffix), **arguments)
    assert not list(tmp_path.iterdir())


@ALL
def test_an_image_shape_in_conflict_with_the_model(
    build, tmp_path, exporter, suffix
):
    model = build((64, 96, 3))
    with pytest.raises(ValueError, match=r"\(64, 96, 3\).*\(32, 48\)"):
        exporter(model, tmp_path / ("x" + suffix), image_shape=SHAPE)


@ALL
def test_a_folder_that_cannot_be_written(model, tmp_path, exporter, suffix):
    (tmp_path / "file").write_text("not a folder")
    path = tmp_path / "file" / ("x" + suffix)
    with pytest.raises(ValueError, match="`path` must be in a writable"):
        exporter(model, path, image_shape=SHAPE)


@pytest.mark.parametrize(
    ("exporter", "suffix"), [(to_litert, ".tflite"), (to_onnx, ".onnx")]
)
def test_a_file_name_without_the_suffix(model, tmp_path, exporter, suffix):
    with pytest.raises(ValueError, match=f"`path` must end with '{suffix}'"):
        exporter(model, tmp_path / "x.bin", image_shape=SHAPE)


def test_a_folder_where_a_file_should_be(model, tmp_path):
    (tmp_path / "x.onnx").mkdir()
    with pytest.raises(ValueError, match="must be a file name, not a folder"):
        to_onnx(model, tmp_path / "x.onnx", image_shape=SHAPE)


def test_missing_folders_are_made(model, tmp_path):
    path = tmp_path / "new" / "folder" / "x.onnx"
    to_onnx(model, path, image_shape=SHAPE)
    assert path.exists()
    assert [p.name for p in tmp_path.iterdir()] == ["new"]


@pytest.mark.parametrize(
    ("exporter", "suffix", "module", "extra"),
    [
        (to_saved_model, "", "tensorflow", "tensorflow"),
        (to_litert, ".tflite", "ai_edge_litert", "litert"),
        (to_onnx, ".onnx", "onnxruntime", "onnx"),
        (to_onnx, ".onnx", "tf2onnx", "onnx"),
    ],
)
def test_a_missing_runtime_names_the_extra(
    model, tmp_path, monkeypatch, exporter, suffix, module, extra
):
    real = importlib.import_module

    def import_module(name, *arguments):
        if name.partition(".")[0] == module:
            raise ImportError(f"No module named {name!r}")
        return real(name, *arguments)

    monkeypatch.setattr(importlib, "import_module", import_module)
    message = rf'{module}.*pip install "kerasseg\[{extra}\]"'
    with pytest.raises(ImportError, match=message):
        exporter(model, tmp_path / ("x" + suffix), image_shape=SHAPE)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left")]
)
@pytest.mark.parametrize("step", ["verify", "atomic_json", "place"])
def test_an_interruption_keeps_the_old_file(
    model, tmp_path, monkeypatch, error, step
):
    path = tmp_path / "x.onnx"
    path.write_bytes(b"old")
    beside = json.dumps(described(b"old"))
    (tmp_path / "x.onnx.json").write_text(beside)

    def fail(*arguments):
        raise error

    home = pipeline.files if step == "place" else pipeline
    monkeypatch.setattr(home, step, fail)
    with pytest.raises(type(error), match="No space|^$"):
        to_onnx(model, path, image_shape=SHAPE)
    assert path.read_bytes() == b"old"
    assert (tmp_path / "x.onnx.json").read_text() == beside
    assert len(list(tmp_path.iterdir())) == 2


@pytest.fixture
def ctrl_c():
    """The handler of Ctrl-C, which a job in the background ignores."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield signal.default_int_handler
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("step", ["convert", "open"])
def test_ctrl_c_that_a_converter_swallows(model, tmp_path, step, ctrl_c):
    """As tf2onnx does with a bare `except`, and callbacks of C++ code."""

    def swallow():
        with contextlib.suppress(BaseException):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)

    class Deaf(OnnxFormat):
        def convert(self, frozen, path):
            done = super().convert(frozen, path)
            if step == "convert":
                swallow()
            return done

        def open(self, path):
            assert step == "open", "converted after Ctrl-C"
            swallow()
            return super().open(path)

    with pytest.raises(KeyboardInterrupt):
        pipeline.export(Deaf(), model, tmp_path / "x.onnx", image_shape=SHAPE)
    assert not list(tmp_path.iterdir())
    assert signal.getsignal(signal.SIGINT) is ctrl_c


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_that_becomes_another_error(model, tmp_path):
    class Rude(OnnxFormat):
        def convert(self, frozen, path):
            try:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(5)
            except BaseException as error:
                raise RuntimeError("the conversion failed") from error

    with pytest.raises(KeyboardInterrupt):
        pipeline.export(Rude(), model, tmp_path / "x.onnx", image_shape=SHAPE)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "foreign", ["a folder", "{}", "not json", '{"loss": 0.5}', "a link"]
)
@ALL
def test_the_place_of_the_sidecar_is_somebody_elses(
    model, tmp_path, exporter, suffix, foreign
):
    path = tmp_path / f"x{suffix}"
    beside = tmp_path / f"x{suffix}.json"
    if foreign == "a folder":
        beside.mkdir()
        (beside / "notes.txt").write_text("mine")
    elif foreign == "a link":
        beside.symlink_to(tmp_path / "nowhere")
    else:
        beside.write_text(foreign)
    before = sorted(tmp_path.rglob("*"))
    message = r"`path` must leave 'x.*json', which is there already"
    with pytest.raises(ValueError, match=message):
        exporter(model, path, image_shape=SHAPE)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("stranger", ["notes.txt", "variables/notes.txt"])
def test_a_saved_model_with_other_files_in_it(model, tmp_path, stranger):
    path = tmp_path / "x"
    to_saved_model(model, path, image_shape=SHAPE)
    to_saved_model(model, path, image_shape=SHAPE)
    (path / stranger).write_text("mine")
    with pytest.raises(ValueError, match="which holds something else"):
        to_saved_model(model, path, image_shape=SHAPE)
    assert (path / stranger).read_text() == "mine"


def test_a_refused_file_keeps_the_old_one(trapped_model, tmp_path):
    path = tmp_path / "x.onnx"
    path.write_bytes(b"old")
    with pytest.raises(ExportError, match="differs|failed|cannot"):
        to_onnx(trapped_model, path, image_shape=SHAPE)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.onnx"]


def test_a_wrong_result_is_refused(model, tmp_path):
    class Swapped(OnnxFormat):
        def open(self, path):
            run = super().open(path)
            return lambda images: run(images[..., ::-1])

    with pytest.raises(ExportError, match="mask agreement .* required"):
        pipeline.export(
            Swapped(), model, tmp_path / "x.onnx", image_shape=SHAPE
        )
    assert not list(tmp_path.iterdir())


def test_a_constant_model_is_exported_with_a_warning(tmp_path, caplog):
    images = keras.Input((None, None, 3))
    logits = layers.Conv2D(3, 1, kernel_initializer="zeros")(images)
    model = keras.Model(images, logits)
    report = to_onnx(model, tmp_path / "x.onnx", image_shape=SHAPE)
    assert "says nothing" in report.notes[0]
    assert "says nothing" in caplog.text


def test_nothing_is_printed(model, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise AssertionError("printed")

    monkeypatch.setattr(builtins, "print", fail)
    to_onnx(model, tmp_path / "x.onnx", image_shape=SHAPE)
    assert np.isfinite(model.count_params())


class Drawing(keras.layers.Layer):
    """Draws random numbers whether it is told to train or not."""

    def __init__(self):
        super().__init__()
        self.seeds = keras.random.SeedGenerator(3)

    def call(self, inputs):
        shape = keras.ops.shape(inputs)
        noise = keras.random.uniform(shape, seed=self.seeds)
        return inputs + 0 * noise


@pytest.mark.export
def test_seeds_are_not_taken_for_batch_normalization(tmp_path):
    images = keras.Input((36, 48, 3))
    x = Drawing()(keras.layers.Rescaling(1 / 255)(images))
    model = keras.Model(images, keras.layers.Conv2D(3, 1)(x))
    with pytest.raises(ExportError, match="draws random numbers") as caught:
        to_litert(model, tmp_path / "x.tflite")
    assert "batch normalization" not in str(caught.value)


@pytest.mark.export
def test_what_one_exporter_cannot_convert_another_may(tmp_path, monkeypatch):
    from kerasseg.export.onnx import exporter

    def fail(*args):
        raise RuntimeError("node 3 is odd")

    monkeypatch.setattr(exporter, "write_onnx", fail)
    images = keras.Input((36, 48, 3))
    model = keras.Model(images, keras.layers.Conv2D(3, 1)(images))
    message = "node 3 is odd.*`exporter='torch'`.*`--exporter torch`"
    with pytest.raises(ExportError, match=message):
        to_onnx(model, tmp_path / "x.onnx")
