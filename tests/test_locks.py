"""Locks between threads and processes."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from kerasseg import locks

HOLD = """
import runpy
import sys
lock = runpy.run_path(sys.argv[1])["lock"]
with lock(sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / ".lock"


def hold(path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, locks.__file__, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    return process


def test_the_lock_file_is_there_while_it_is_held(path):
    with locks.lock(path) as held:
        assert held
        assert path.exists()
    assert not path.exists()


def test_one_holder_at_a_time(path):
    with locks.lock(path, wait=False):
        with (
            pytest.raises(BlockingIOError, match="held by another"),
            locks.lock(path, wait=False),
        ):
            pass
        assert path.exists()
    with locks.lock(path, wait=False):
        pass


def test_waiting_threads_take_turns(path):
    inside = threading.Lock()

    def work(_):
        with locks.lock(path):
            assert inside.acquire(blocking=False)
            inside.release()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(200)))
    assert not path.exists()


def test_a_killed_process_lets_go(path):
    process = hold(path)
    with (
        pytest.raises(BlockingIOError, match="held by another"),
        locks.lock(path, wait=False),
    ):
        pass
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()
    assert path.exists()
    with locks.lock(path, wait=False) as held:
        assert held
    assert not path.exists()


def test_a_file_system_without_locks(path, monkeypatch):
    def fail(file, wait):
        raise OSError(locks.errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks, "_lock_file", fail)
    with locks.lock(path) as held:
        assert not held
