"""Jobs without Ray by day; with its workers at night."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from source import ROOT

from kerasseg import zoo
from kerasseg.data import Labels
from kerasseg.data import read_mask
from kerasseg.jobs import predict_all
from kerasseg.jobs import segmenter
from kerasseg.jobs.manifest import Manifest
from kerasseg.jobs.members import Members
from kerasseg.jobs.members import mask_name
from kerasseg.locks import lock


@pytest.fixture(scope="session")
def entry(tmp_path_factory):
    """A saved model whose class is the brightest of the three channels."""
    pixels = keras.Input((None, None, 3))
    logits = keras.layers.Conv2D(3, 1, use_bias=False, name="logits")(pixels)
    model = keras.Model(pixels, logits, name="channels")
    model.set_weights([np.eye(3, dtype="float32").reshape(1, 1, 3, 3)])
    folder = tmp_path_factory.mktemp("zoo") / "channels"
    zoo.save(model, folder, labels=Labels(("red", "green", "blue")))
    return folder


@pytest.fixture
def images(tmp_path, rng):
    """Images by name, in two folders below one."""
    found = {}
    for index in range(7):
        name = f"{'ab'[index % 2]}/{index}.png"
        found[name] = rng.integers(0, 256, (33, 40 + index, 3), dtype="uint8")
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(found[name]).save(path)
    (tmp_path / "images" / "notes.txt").write_text("no image")
    return found


def archive(tmp_path, kind):
    """The folder of images as an archive, or itself."""
    folder = tmp_path / "images"
    if kind == "folder":
        return folder
    path = tmp_path / f"images.{kind}"
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as file:
            for member in files:
                file.write(member, member.relative_to(folder))
    else:
        with tarfile.open(path, "w:gz" if kind == "tar.gz" else "w") as file:
            for member in files:
                file.add(member, member.relative_to(folder))
    return path


def lines(out):
    text = (out / "manifest.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def check_each_once(out, images):
    """All masks are right, and each is in the manifest once."""
    first, *records = lines(out)
    assert first["images"] == len(images)
    assert sorted(r["member"] for r in records) == sorted(images)
    masks = {p.relative_to(out).as_posix() for p in out.rglob("*.png")}
    assert masks == {f"{name}.png" for name in images}
    for record in records:
        mask = out / record["mask"]
        expected = images[record["member"]].argmax(-1)
        np.testing.assert_array_equal(read_mask(mask), expected)
        digest = hashlib.sha256(mask.read_bytes()).hexdigest()
        assert record["sha256"] == digest
        assert (record["height"], record["width"]) == expected.shape


@pytest.mark.every_backend
@pytest.mark.parametrize("kind", ["zip", "tar", "folder"])
def test_each_image_once(entry, images, tmp_path, kind):
    seen = []
    out = tmp_path / "masks"
    source = archive(tmp_path, kind)
    report = predict_all(entry, source, out, workers=0, on_record=seen.append)
    assert (report.total, report.done, report.before) == (7, 7, 0)
    assert not report.failed
    assert not report.problem
    assert seen == lines(out)[1:]
    check_each_once(out, images)
    again = predict_all(entry, source, out, workers=0, resume=True)
    assert (again.done, again.before) == (7, 7)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_corrupted_members_are_listed(entry, images, tmp_path, kind):
    source = archive(tmp_path, kind)
    data = bytearray(source.read_bytes())
    place = data.index((tmp_path / "images/a/2.png").read_bytes())
    data[place + 60 : place + 90] = bytes(30)
    source.write_bytes(data)
    out = tmp_path / "masks"
    report = predict_all(entry, source, out, workers=0)
    assert report.done == 6
    assert list(report.failed) == ["a/2.png"]
    assert not (out / "a/2.png.png").exists()
    (record,) = [r for r in lines(out)[1:] if "error" in r]
    assert record["member"] == "a/2.png"
    assert record["error"] == report.failed["a/2.png"]
    assert ("CRC" in record["error"]) == (kind == "zip")
    assert "kerasseg-" not in record["error"]
    # It is tried again, and still stands in the manifest once.
    report = predict_all(entry, source, out, workers=0, resume=True)
    assert (report.done, report.before) == (6, 6)
    assert len(lines(out)) == 8


def test_an_archive_that_is_cut_off(entry, images, tmp_path):
    source = archive(tmp_path, "tar")
    with tarfile.open(source) as file:
        last = file.getmembers()[-2]
    source.write_bytes(source.read_bytes()[: last.offset_data + 100])
    report = predict_all(entry, source, tmp_path / "masks", workers=0)
    assert "ends in the midst of it" in report.failed[last.name]
    assert report.done == report.total - 1
    assert "damaged at its end" in report.problem


def test_a_job_that_was_stopped_goes_on(entry, images, tmp_path):
    source, out = archive(tmp_path, "zip"), tmp_path / "masks"

    def stop(record):
        if len(lines(out)) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_all(entry, source, out, workers=0, on_record=stop)
    # The crash cut a line off, and somebody deleted a mask.
    with (out / "manifest.jsonl").open("a") as file:
        file.write('{"member": "b/5.png", "mask": "b/5.pn')
    (out / lines_whole(out)[1]["mask"]).unlink()
    with pytest.raises(ValueError, match="an earlier job when `resume=False`"):
        predict_all(entry, source, out, workers=0)
    report = predict_all(entry, source, out, workers=0, resume=True)
    assert (report.done, report.before) == (7, 2)
    check_each_once(out, images)


def lines_whole(out):
    text = (out / "manifest.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()[:-1]]


def test_another_job_is_refused(entry, images, tmp_path):
    out = tmp_path / "masks"
    predict_all(entry, archive(tmp_path, "zip"), out, workers=0)
    with pytest.raises(
        ValueError, match=r"source \(images.zip before, images.tar now\)"
    ):
        predict_all(
            entry, archive(tmp_path, "tar"), out, workers=0, resume=True
        )
    with (
        lock(out / ".job"),
        pytest.raises(ValueError, match="a job that is under way"),
    ):
        predict_all(entry, tmp_path / "images.zip", out, workers=0)


def test_a_full_disk_ends_the_job(entry, images, tmp_path, monkeypatch):
    def full(path, mask, palette):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(segmenter, "write_mask", full)
    with pytest.raises(OSError, match="No mask can .* No space left on device"):
        predict_all(entry, tmp_path / "images", tmp_path / "masks", workers=0)
    assert len(lines(tmp_path / "masks")) == 1


def test_sources_that_are_none(entry, images, tmp_path):
    out = tmp_path / "masks"
    with pytest.raises(ValueError, match=r"nowhere.zip, which is not there"):
        predict_all(entry, tmp_path / "nowhere.zip", out)
    with pytest.raises(ValueError, match="compressed TAR archive is to be unp"):
        predict_all(entry, archive(tmp_path, "tar.gz"), out)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="must hold images"):
        predict_all(entry, tmp_path / "empty", out)
    with pytest.raises(ValueError, match="`workers` must be an integer of 0"):
        predict_all(entry, tmp_path / "images", out, workers=-1)
    with pytest.raises(ValueError, match="`entry` must have trained weights"):
        predict_all("lrr_4x_vgg16", tmp_path / "images", out)
    assert not out.exists()


@pytest.mark.parametrize("place", [".", "masks"])
def test_masks_in_the_source_are_refused(entry, images, tmp_path, place):
    source = tmp_path / "images"
    with pytest.raises(ValueError, match="`out` must be a folder outside of"):
        predict_all(entry, source, source / place, workers=0)
    assert not list(source.glob("masks"))
    assert not list(source.rglob("manifest.jsonl"))


def test_an_archive_is_open_while_images_are_read(images, tmp_path):
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("the system does not tell which files are open")
    source = archive(tmp_path, "zip")

    def is_open():
        return str(source) in map(os.path.realpath, descriptors.iterdir())

    members = Members(source)
    assert not is_open()
    members.read(members.names[0])
    assert is_open()
    del members
    assert not is_open()


@pytest.mark.parametrize("kind", ["zip", "tar", "folder"])
def test_hidden_files_are_no_images(images, tmp_path, kind):
    """As macOS adds them to archives."""
    for place in ("__MACOSX/a/._0.png", "a/._0.png", ".trash/0.png"):
        path = tmp_path / "images" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"Mac OS X")
    assert Members(archive(tmp_path, kind)).names == sorted(images)


def test_names_in_an_archive_of_the_folder_itself(images, tmp_path):
    path = tmp_path / "images.tar"
    with tarfile.open(path, "w") as file:
        file.add(tmp_path / "images", "./")
    assert len(Members(path).names) == len(images)


def test_a_name_that_stands_twice(tmp_path):
    path = tmp_path / "twice.tar"
    (tmp_path / "a.png").write_bytes(b"x")
    with tarfile.open(path, "w") as file:
        for _ in range(2):
            file.add(tmp_path / "a.png", "a.png")
    with pytest.raises(ValueError, match=r"each name once.*more of a\.png"):
        Members(path)


@pytest.mark.parametrize("name", ["../a.png", "/a.png", "b/../../a.png"])
def test_names_that_lead_out_of_the_folder(name):
    with pytest.raises(ValueError, match="leads out of the folder"):
        mask_name(name)


def test_ray_that_is_missing(entry, images, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"pip install 'kerasseg\[jobs\]'"):
        predict_all(entry, tmp_path / "images", tmp_path / "masks")


def test_a_manifest_keeps_what_is_whole(tmp_path):
    path = tmp_path / "manifest.jsonl"
    (tmp_path / "a.png").touch()
    manifest = Manifest(path, {"images": 2}, resume=False)
    manifest.add({"member": "a", "mask": "a.png"})
    manifest.add({"member": "b", "error": "broken"})
    manifest.close()
    again = Manifest(path, {"images": 2}, resume=True)
    again.close()
    assert again.done == {"a": {"member": "a", "mask": "a.png"}}
    assert len(path.read_text().splitlines()) == 2


SCRIPT = """
import sys

from kerasseg.jobs import predict_all

entry, source, out = sys.argv[1:4]
report = predict_all(entry, source, out, workers=2, resume="r" in sys.argv[4:])
print(report.done, report.before, len(report.failed))
"""


def start(entry, source, out, *argv):
    command = [sys.executable, "-c", SCRIPT, str(entry), str(source), str(out)]
    return subprocess.Popen(
        [*command, *argv],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_records(process, out, count):
    """The manifest once it has so many images."""
    path = out / "manifest.jsonl"
    for _ in range(3000):
        if path.exists() and len(path.read_text().splitlines()) > count:
            return lines(out)[1:]
        assert process.poll() is None, process.stderr.read()[-3000:]
        time.sleep(0.1)
    raise AssertionError(f"no {count} records in five minutes")


@pytest.fixture
def many(tmp_path, rng):
    """An archive of images that take two workers some seconds."""
    found = {}
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as file:
        for index in range(120):
            name = f"{index:03}.png"
            found[name] = rng.integers(0, 256, (500, 640, 3), dtype="uint8")
            Image.fromarray(found[name]).save(tmp_path / name)
            file.write(tmp_path / name, name)
    return found


@pytest.mark.nightly
def test_a_worker_that_is_killed_is_replaced(entry, many, tmp_path):
    pytest.importorskip("ray")
    out = tmp_path / "masks"
    process = start(entry, tmp_path / "many.zip", out)
    killed = wait_for_records(process, out, 1)[0]["worker"]
    os.kill(killed, signal.SIGKILL)
    text, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors[-3000:]
    # Ray tells of the worker before.
    assert text.splitlines()[-1] == "120 0 0"
    check_each_once(out, many)
    workers = {record["worker"] for record in lines(out)[1:]}
    assert len(workers) >= 2


@pytest.mark.nightly
def test_a_job_that_is_killed_goes_on(entry, many, tmp_path):
    pytest.importorskip("ray")
    out = tmp_path / "masks"
    process = start(entry, tmp_path / "many.zip", out)
    before = len(wait_for_records(process, out, 9))
    process.kill()
    process.communicate()
    process = start(entry, tmp_path / "many.zip", out, "r")
    text, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors[-3000:]
    done, resumed, failed = map(int, text.splitlines()[-1].split())
    assert (done, failed) == (120, 0)
    assert before <= resumed < 120
    check_each_once(out, many)
