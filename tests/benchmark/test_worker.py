import json
import subprocess
import sys

import numpy as np
import pytest

from kerasseg.benchmark import worker


@pytest.fixture
def task(tmp_path, monkeypatch):
    """A task whose runtime is a function of this test."""
    opener = lambda path, threads: (np.sum, (1, 2))  # noqa: E731
    monkeypatch.setitem(worker.OPENERS, "sum", opener)
    monkeypatch.setattr(worker, "pin", lambda threads: list(range(threads)))
    images = tmp_path / "images.npy"
    np.save(images, np.ones((3, 1, 2), "float32"))
    return {
        "path": "x",
        "opener": "sum",
        "runtime": {"module": "json", "package": "numpy", "extra": "test"},
        "threads": 1,
        "images": str(images),
    }


def test_a_turn_is_one_run_more_than_it_times(task):
    run, answer = worker.opened(task)
    calls = []
    turn = worker.turn(lambda: calls.append(run()), 4)
    assert calls == [2.0] * 5
    assert len(turn["seconds"]) == 4
    assert min(turn["seconds"]) > 0
    assert answer["runtime"] == f"numpy {np.__version__}"
    assert answer["cores"] == [0]
    assert answer["open_seconds"] >= 0
    json.dumps([turn, answer])


def test_inputs_of_another_shape_are_refused(task):
    np.save(task["images"], np.ones((3, 1, 5), "float32"))
    with pytest.raises(ValueError, match=r"shape \(1, 2\), not \(1, 5\)"):
        worker.opened(task)


def test_a_missing_runtime_names_its_extra(task):
    task["runtime"] = {
        "module": "no_such_runtime",
        "package": "no-such-runtime",
        "extra": "onnx",
    }
    with pytest.raises(ImportError, match=r"no-such-runtime .*kerasseg\[onnx"):
        worker.opened(task)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_has_a_peak():
    now, peak = worker.memory()
    assert 1e6 < now <= peak


def test_the_process_answers_in_json_and_loads_no_keras(tmp_path):
    """An error is an answer too; noise on standard output is none."""
    code = (
        "import runpy, sys\n"
        f"runpy.run_path({worker.__file__!r}, run_name='__main__')\n"
        "sys.exit(bool({'keras', 'kerasseg', 'tensorflow'} & set(sys.modules)))"
    )
    np.save(tmp_path / "images.npy", np.ones((1, 1, 2)))
    task = {"path": "x", "opener": "caffe", "threads": 1, "images": "none"}
    result = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(task) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(result.stdout) == {"error": "'caffe'"}
