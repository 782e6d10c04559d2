import subprocess
import sys

import pytest

from kerasseg.cli import doctor
from kerasseg.formats import FORMATS

# A Python in which some packages seem to be absent.
WITHOUT = (
    "import importlib.util as u\n"
    "import sys\n"
    "absent = {absent!r}\n"
    "find = u.find_spec\n"
    "u.find_spec = lambda name, *a: (\n"
    "    None if name in absent else find(name, *a))\n"
    "sys.argv = ['kerasseg', 'doctor', *{options!r}]\n"
    "from kerasseg_command import main\n"
    "sys.exit(main())\n"
)


def run_without(absent, *options):
    code = WITHOUT.format(absent=absent, options=options)
    return subprocess.run(
        [sys.executable, "-c", code],
        env={"KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_works_without_a_backend():
    result = run_without(("tensorflow", "jax", "torch"))
    assert result.returncode == 1
    assert result.stderr == ""
    assert "backend tensorflow  FAILS" in result.stdout
    assert 'pip install "kerasseg[tensorflow]"' in result.stdout


def test_versions_and_remedies(run, monkeypatch):
    monkeypatch.setattr(doctor, "_installed", lambda module: module != "onnx")
    result = run("doctor", "--quick")
    assert result.code == 0
    line = next(x for x in result.out.splitlines() if x.startswith("onnx "))
    assert line.endswith('pip install "kerasseg[onnx]"')
    assert "export" not in result.out.partition("package")[0]


def test_what_fails_is_reported(run, monkeypatch):
    def fail(*args):
        return "export onnx", False, "the reason"

    monkeypatch.setattr(doctor, "_check_export", fail)
    result = run("doctor")
    assert result.code == 1
    assert "export onnx" in result.out
    assert "FAILS   the reason" in result.out


def test_a_missing_extra_is_no_failure(monkeypatch):
    monkeypatch.setattr(doctor, "_installed", lambda module: False)
    title, works, remark = doctor._check_export(FORMATS["onnx"])
    assert (title, works) == ("export onnx", None)
    assert remark == 'needs onnx, onnxruntime: pip install "kerasseg[onnx]"'


def test_another_backend_is_no_failure(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    _, works, remark = doctor._check_export(FORMATS["saved_model"])
    assert works is None
    assert "KERAS_BACKEND=tensorflow" in remark


@pytest.mark.parametrize(
    ("missing", "works"), [("tf2onnx", None), ("google.protobuf", False)]
)
def test_a_broken_package_is_a_failure(monkeypatch, missing, works):
    from kerasseg import export

    def fail(*args, **kwargs):
        cause = ImportError(f"No module named {missing!r}", name=missing)
        raise ImportError("This export needs a package.") from cause

    monkeypatch.setattr(export, "to_onnx", fail)
    _, found, remark = doctor._check_export(FORMATS["onnx"])
    assert found is works
    assert remark.startswith("This export needs a package.")
    if works is False:
        assert remark.endswith('pip install --upgrade "kerasseg[onnx]"')


def test_conflicts_are_reported(monkeypatch):
    found = [("a needs b<2, found 3", 'pip install "b<2"')]
    monkeypatch.setattr(doctor, "conflicts", lambda *_: found)
    assert doctor._check_packages() == [
        ("packages", None, 'a needs b<2, found 3: pip install "b<2"')
    ]
    monkeypatch.setattr(doctor, "conflicts", lambda *_: [])
    assert doctor._check_packages()[0][1] is True


@pytest.mark.export
@pytest.mark.parametrize("name", [facts.name for facts in doctor.TRIED])
def test_a_tiny_net_passes_each_exporter(name):
    _, works, remark = doctor._check_export(FORMATS[name])
    assert works, remark


def test_an_unusable_cache_is_reported(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("KERASSEG_HOME", str(tmp_path / "file" / "cache"))
    assert doctor._check_cache()[1] is False
    monkeypatch.setenv("KERASSEG_HOME", str(tmp_path / "new"))
    assert doctor._check_cache()[1] is True


def test_a_data_folder_without_data_is_reported(monkeypatch, tmp_path):
    monkeypatch.setenv("KERASSEG_DATA", str(tmp_path))
    assert doctor._check_data()[1] is False
    (tmp_path / "camvid" / "images").mkdir(parents=True)
    assert doctor._check_data()[1] is True
    monkeypatch.delenv("KERASSEG_DATA")
    assert doctor._check_data()[1] is None


def test_nvidias_builder_is_tried_or_named(monkeypatch):
    from kerasseg.export.tensorrt_rtx import library

    reason = library.find().reason
    _, works, remark = doctor._check_builder()
    assert works is (None if reason else True)
    assert reason in remark
    found = library.Library(None, "Not on this machine.")
    monkeypatch.setattr(library, "find", lambda: found)
    _, works, remark = doctor._check_builder()
    assert (works, remark) == (None, "Not on this machine.")
