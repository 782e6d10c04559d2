import json
import subprocess
import sys

import pytest

from kerasseg import backend


@pytest.fixture
def nothing_installed(monkeypatch):
    monkeypatch.setattr(backend, "installed_backends", list)
    monkeypatch.delitem(sys.modules, "keras", raising=False)


def test_the_variable_decides_first(monkeypatch, tmp_path):
    (tmp_path / "keras.json").write_text(json.dumps({"backend": "jax"}))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert backend.configured_backend() == "torch"


def test_the_settings_file_decides_next(monkeypatch, tmp_path):
    (tmp_path / "keras.json").write_text(json.dumps({"backend": "jax"}))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    assert backend.configured_backend() == "jax"


@pytest.mark.parametrize("text", [None, "{", "{}"])
def test_tensorflow_is_the_default(monkeypatch, tmp_path, text):
    if text is not None:
        (tmp_path / "keras.json").write_text(text)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    assert backend.configured_backend() == "tensorflow"


@pytest.mark.usefixtures("nothing_installed")
@pytest.mark.parametrize("name", backend.BACKENDS)
def test_a_missing_backend_names_the_extra(monkeypatch, name):
    monkeypatch.setenv("KERAS_BACKEND", name)
    with pytest.raises(ImportError, match=rf"kerasseg\[{name}\]"):
        backend.check_backend()


def test_an_installed_backend_is_offered(monkeypatch):
    monkeypatch.setattr(backend, "installed_backends", lambda: ["jax"])
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    with pytest.raises(ImportError, match="KERAS_BACKEND=jax"):
        backend.check_backend()


def test_import_kerasseg_without_a_backend_names_the_extra():
    code = (
        "import importlib.util as u\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda name, *a: (\n"
        "    None if name in ('tensorflow', 'jax', 'torch')\n"
        "    else find(name, *a))\n"
        "import kerasseg\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={"KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert 'pip install "kerasseg[tensorflow]"' in result.stderr
