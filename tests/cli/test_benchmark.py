import json
import shutil

import pytest
from sidecars import described

import kerasseg.benchmark
import kerasseg.cli.benchmark
from kerasseg import export
from kerasseg.benchmark import Timing


@pytest.fixture
def measured(monkeypatch):
    """Replaces the measurement; returns what it was asked for."""
    asked = {}

    def measure(targets, progress, **settings):
        asked.update(settings, names=[target.name for target in targets])
        for done in range(settings["rounds"]):
            progress(done + 1)
        return [
            Timing(target, target.bytes, ((0.01, 0.02),), "stand-in 1.0", (0,))
            if "broken" not in target.name
            else Timing(target, target.bytes, (), error="no such operator")
            for target in targets
        ]

    monkeypatch.setattr(kerasseg.benchmark, "measure", measure)
    return asked


@pytest.fixture
def exporters(monkeypatch):
    """Exporters that write a few bytes with their sidecar."""
    given = []

    def write(form):
        def export_to(model, path, *, image_shape, labels, **options):
            given.append((path.name, options))
            content = path.name.encode()
            path.write_bytes(content)
            write_sidecar(path, content, form, image_shape, **options)

        return export_to

    for form in ("onnx", "litert"):
        monkeypatch.setattr(export, f"to_{form}", write(form))
    return given


def write_sidecar(path, content, form="onnx", shape=(34, 47, 3), **options):
    fields = described(
        content,
        format=form,
        precision=options.get("precision", "float32"),
        input={"shape": [1, *shape]},
    )
    beside = path.with_name(f"{path.name}.json")
    beside.write_text(json.dumps(fields))


@pytest.fixture
def files(tmp_path):
    """A folder with two files and their sidecars."""
    folder = tmp_path / "exported"
    folder.mkdir()
    for name in ("a.onnx", "b.onnx"):
        (folder / name).write_bytes(b"graph")
        write_sidecar(folder / name, b"graph")
    return folder


def test_a_folder_of_files(run, files, measured, tmp_path):
    out = tmp_path / "new" / "times.json"
    result = run(
        *("benchmark", files, "--threads", 1, "--rounds", 2, "--runs", 3),
        *("--baseline", "b.onnx", "--json", out),
        *("--plot", tmp_path / "times.png"),
    )
    assert result.code == 0
    assert measured["names"] == ["a.onnx", "b.onnx"]
    assert measured["threads"] == 1
    assert (measured["rounds"], measured["runs"]) == (2, 3)
    assert "a.onnx  stand-in 1.0  float32         15.0" in result.out
    assert "ratio to b.onnx" in result.out
    assert json.loads(out.read_text())["baseline"] == "b.onnx"
    assert (tmp_path / "times.png").stat().st_size > 1000


def test_what_cannot_be_run_is_listed(run, files, measured):
    shutil.copy(files / "a.onnx", files / "broken.onnx")
    shutil.copy(files / "a.onnx.json", files / "broken.onnx.json")
    result = run("benchmark", files)
    assert result.code == 1
    assert "broken.onnx: cannot be run: no such operator" in result.out


@pytest.mark.one_backend
def test_an_entry_is_exported_first(
    run, channels_entry, brightest_data, exporters, measured, tmp_path
):
    out = tmp_path / "kept"
    result = run(
        *("benchmark", channels_entry, "--image-shape", "33x47"),
        *("--formats", "onnx", "litert", "--precisions", "float32", "int8"),
        *("--calibration", brightest_data, "--calibration-split", "test"),
        *("--out", out),
    )
    assert result.code == 0
    names = [
        "channels.onnx",
        "channels_int8.onnx",
        "channels.tflite",
        "channels_int8.tflite",
    ]
    assert measured["names"] == names == [name for name, _ in exporters]
    assert len(exporters[1][1]["calibration"]) == 3
    assert "calibration" not in exporters[0][1]
    assert sorted(p.name for p in out.glob("*.onnx")) == names[:2]


@pytest.mark.one_backend
def test_a_refused_export_is_reported(
    run, channels_entry, exporters, measured, monkeypatch
):
    def refuse(*args, **kwargs):
        raise export.ExportError("the masks differ")

    monkeypatch.setattr(export, "to_litert", refuse)
    entry = (channels_entry, "--image-shape", "33x47")
    result = run("benchmark", *entry)
    assert result.code == 1
    assert measured["names"] == ["channels.onnx"]
    told = "channels.tflite: not exported: the masks differ\n"
    assert result.out.endswith(told)
    alone = run("benchmark", *entry, "--formats", "litert")
    assert (alone.code, alone.err) == (1, f"kerasseg: {told}")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--baseline", "c.onnx"), "must be one of a.onnx, b.onnx, not 'c.on"),
        (("--rounds", "0"), "must be a whole number of 1 or more"),
        (("--threads", "9999"), "`threads` must be 1 to "),
        (("--formats", "caffe"), "invalid choice: 'caffe'"),
        (("--formats", "onnx"), "--formats is for entries"),
        (("--precisions", "float32"), "--precisions is for entries"),
        (("--image-shape", "33x47"), "--image-shape is for entries"),
        (("--out", "kept"), "--out is for entries"),
        (("--calibration", "camvid"), "--calibration is for entries"),
        (("--calibration-split", "val"), "a split of --calibration, give both"),
        (("--plot", "times.gif"), "its name must end in .png"),
    ],
)
def test_options_that_cannot_be_honored(run, files, options, message):
    result = run("benchmark", files, *options)
    assert result.code == 2
    assert message in result.err


@pytest.mark.one_backend
def test_targets_that_are_none(run, files, channels_entry, tmp_path):
    (tmp_path / "empty").mkdir()
    (files / "a.onnx").write_bytes(b"other")
    for targets, message in (
        (("no_such_entry",), "no_such_entry"),
        ((tmp_path / "empty",), "no exported files with their sidecars"),
        ((files / "a.onnx",), "its sidecar describes"),
        ((channels_entry,), "--image-shape HxW"),
        (
            (channels_entry, "--image-shape", "33x47", "--precisions", "int8"),
            "--calibration NAME|FOLDER",
        ),
        (
            (channels_entry, "--formats", "saved_model", "--precisions")
            + ("int8", "float16"),
            "--precisions int8 float16: not in --formats saved_model",
        ),
    ):
        result = run("benchmark", *targets)
        assert result.code == 2
        assert message in result.err


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_an_entry_goes_to_what_the_backend_has(
    run, channels_entry, exporters, measured, monkeypatch, backend
):
    monkeypatch.setattr(
        kerasseg.cli.benchmark, "configured_backend", lambda: backend
    )
    command = ("benchmark", channels_entry, "--image-shape", "33x47")
    assert run(*command).code == 0
    assert measured["names"] == ["channels.onnx"]
    exporters.clear()
    asked = run(*command, "--formats", "onnx", "litert")
    assert asked.code == 2
    assert f"--formats litert needs another backend than {backend}" in asked.err
    assert not exporters


@pytest.mark.export
def test_real_files_in_their_runtimes(run, channels_entry, tmp_path):
    out = tmp_path / "times.json"
    result = run(
        *("benchmark", channels_entry, "--image-shape", "33x47"),
        *("--threads", 1, "--rounds", 2, "--runs", 2, "--json", out),
    )
    assert result.code == 0, result.out
    onnx, litert = json.loads(out.read_text())["results"]
    assert onnx["name"] == "channels.onnx"
    assert onnx["runtime"].startswith("onnxruntime ")
    assert litert["runtime"].startswith("ai-edge-litert ")
    assert onnx["ratio"] == 1
    for timing in (onnx, litert):
        assert [len(runs) for runs in timing["seconds"]] == [2, 2]
        assert timing["median_ms"] > 0
        # What Keras and TensorFlow need is not part of it.
        assert 10e6 < timing["runtime_bytes"] < timing["peak_bytes"] < 300e6


@pytest.mark.parametrize("option", ["--json", "--plot"])
@pytest.mark.parametrize("place", ["", ".", "/proc/times"])
def test_outputs_are_checked_before_the_work(run, monkeypatch, option, place):
    from kerasseg.cli import benchmark

    monkeypatch.setattr(benchmark, "_find_all", None)
    result = run("benchmark", "net.onnx", option, place)
    assert result.code == 2
    assert result.err.count("\n") == 1
