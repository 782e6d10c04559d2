"""The C++ program, built anew, draws the mask of the Python program."""

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from source import ROOT

from kerasseg.data import read_image
from kerasseg.data import read_mask

pytestmark = [pytest.mark.slow, pytest.mark.export]

FOLDER = ROOT / "export" / "litert_cpp"
SIZES = pytest.mark.parametrize("size", [(56, 40), (131, 77), (37, 33)])


def _runtime():
    """The folder of LiteRT's library, which the Python package brings."""
    found = importlib.util.find_spec("ai_edge_litert")
    folder = Path(found.origin).parent if found else Path()
    if not (folder / "libLiteRt.so").is_file():
        pytest.skip("libLiteRt.so is missing: pip install ai-edge-litert")
    return folder


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The path of the program, built as its README says."""
    if not shutil.which("cmake"):
        pytest.skip("cmake is not installed")
    if not shutil.which(os.environ.get("CXX", "c++")):
        pytest.skip("a C++ compiler is not installed")
    build = tmp_path_factory.mktemp("build")
    configure = ["-S", FOLDER, "-B", build, f"-DLITERT_ROOT={_runtime()}"]
    for arguments in (configure, ["--build", build]):
        result = subprocess.run(
            ["cmake", *arguments], capture_output=True, text=True
        )
        assert result.returncode == 0, result.stdout + result.stderr
        assert "warning" not in result.stderr.lower()
    return build / "segment"


@pytest.fixture
def run(program, files):
    """Runs the program in the folder of the files."""

    def run(*arguments):
        return subprocess.run(
            [program, *map(str, arguments)],
            cwd=files,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


@pytest.fixture
def image(files):
    """Writes the image in a size as `image.ppm`."""

    def image(size):
        pixels = Image.fromarray(read_image(files / "image.png"))
        large = pixels.resize(size, Image.Resampling.BICUBIC)
        large.save(files / "image.ppm")
        return large

    return image


@pytest.fixture(scope="module")
def quantized(exported, tmp_path_factory):
    """`logits.tflite` with uint8 ends, and `mask.tflite` with int8 pixels."""
    from kerasseg.export import Gate
    from kerasseg.export import to_litert

    folder = tmp_path_factory.mktemp("quantized")
    pixels = read_image(exported.folder / "image.png")
    for name, arguments in {
        "logits": {},
        "mask": {"input_dtype": "int8", "output": "mask"},
    }.items():
        to_litert(
            exported.model,
            folder / f"{name}.tflite",
            precision="int8",
            calibration=[pixels],
            verify_on=[pixels],
            gate=Gate(mask_agreement=0.9),
            labels=exported.labels,
            **arguments,
        )
    return folder


def _save(mode, size):
    """Function that writes another image into a folder."""
    return lambda folder: Image.new(mode, size).save(folder / "image.ppm")


def _same_as_in_python(run, segment, files, file):
    """Runs both programs; the ids, if there is no pixel that differs."""
    result = run(file, "image.ppm", "--mask", "ids.pgm", "--threads=2")
    assert result.returncode == 0, result.stderr
    ids = np.asarray(Image.open(files / "ids.pgm"))
    segment("litert_python", file, "image.ppm", "--mask=mask.png", "--runs=1")
    np.testing.assert_array_equal(ids, read_mask(files / "mask.png"))
    return result, ids


@SIZES
def test_the_mask_is_that_of_the_model(
    run, segment, files, image, right_mask, exported, size
):
    expected = right_mask(image(size))
    result, ids = _same_as_in_python(run, segment, files, "tiny.tflite")
    assert np.mean(ids == expected) > 0.998
    colors = np.asarray(exported.labels.palette, "uint8")[ids]
    np.testing.assert_array_equal(read_image(files / "mask.ppm"), colors)
    lines = result.stdout.splitlines()
    assert lines[0] == "tiny.tflite: litert float32"
    assert lines[1] == "runtime: LiteRT in C++, 2 threads"
    assert re.fullmatch(r"latency: \d+\.\d ms, median of 10", lines[2])
    shares = [float(line.split(" %")[0]) for line in lines[3:-1]]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(100, abs=0.3)
    assert lines[-1] == "wrote mask.ppm"


@pytest.mark.parametrize("name", ["logits", "mask"])
def test_int8(run, segment, files, image, right_mask, quantized, name):
    shutil.copytree(quantized, files, dirs_exist_ok=True)
    expected = right_mask(image((131, 77)))
    _, ids = _same_as_in_python(run, segment, files, f"{name}.tflite")
    assert np.mean(ids == expected) > 0.93


def test_a_file_without_names_and_colors(run, files, image, rewrite):
    image((56, 40))
    rewrite(files / "tiny.tflite", class_names=None, palette=None)
    result = run("tiny.tflite", "image.ppm", "--out=voc.ppm", "--runs=1")
    assert result.returncode == 0, result.stderr
    assert re.search(r"\d % class \d$", result.stdout, re.M)
    black = np.all(read_image(files / "voc.ppm") == 0, axis=-1)
    share = float(re.search(r"(\S+) % class 0$", result.stdout, re.M)[1])
    assert 100 * black.mean() == pytest.approx(share, abs=0.06)


def test_names_that_json_escapes(run, files, image, rewrite):
    image((56, 40))
    names = ["ciel à 9 h", "道路", 'a "car"', "back\\slash", "🚦"]
    rewrite(files / "tiny.tflite", class_names=names)
    result = run("tiny.tflite", "image.ppm", "--runs", "1")
    assert result.returncode == 0, result.stderr
    found = re.findall(r" % (.*)$", result.stdout, re.M)
    assert len(found) > 2
    assert set(found) <= set(names)


def test_escape_codes_are_not_printed(run, files, image, rewrite):
    image((56, 40))
    names = [f"\x1b[2J\x9b{i}\r\n\u202eé" for i in range(5)]
    rewrite(files / "tiny.tflite", class_names=names)
    out = "\x1b[31m.ppm"
    result = run("tiny.tflite", "image.ppm", "--runs", "1", "--out", out)
    assert result.returncode == 0, result.stderr
    assert "\x1b" not in result.stdout
    shown = r"\\x1b\[2J\\xc2\\x9b\d\\x0d\\x0a\\xe2\\x80\\xaeé$"
    assert re.search(shown, result.stdout, re.M)
    assert "wrote \\x1b[31m.ppm" in result.stdout
    result = run("tiny.tflite", "\x1b[2J.ppm")
    assert result.returncode == 2
    assert result.stderr.startswith("segment: cannot read \\x1b[2J.ppm")


def test_an_image_with_a_comment(run, files, image):
    image((56, 40))
    plain = (files / "image.ppm").read_bytes()
    (files / "noted.ppm").write_bytes(plain.replace(b"P6\n", b"P6\n# x 1\n", 1))
    run("tiny.tflite", "image.ppm", "--out=plain_mask.ppm", "--runs=1")
    result = run("tiny.tflite", "noted.ppm", "--runs=1")
    assert result.returncode == 0, result.stderr
    expected = (files / "plain_mask.ppm").read_bytes()
    assert (files / "mask.ppm").read_bytes() == expected


def _refused(result, files, message):
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("segment: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (files / "mask.ppm").exists()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "tiny.tflite.json").unlink(), "cannot read tiny"),
        (lambda f: (f / "tiny.tflite.json").write_text("{"), "no JSON from"),
        (lambda f: (f / "tiny.tflite").unlink(), "cannot read tiny.tflite"),
        (lambda f: (f / "tiny.tflite").write_bytes(b"x"), "another file"),
        (lambda f: (f / "image.ppm").unlink(), "cannot read image.ppm"),
        (lambda f: (f / "image.ppm").write_bytes(b""), "no binary PPM"),
        (_save("I;16", (56, 40)), "no binary PPM"),
        (_save("RGB", (56, 31)), "image.ppm must be at least 32 pixels a side"),
        (_save("RGB", (31, 40)), "image.ppm must be at least 32 pixels a side"),
        (
            lambda f: shutil.copy(f / "image.png", f / "image.ppm"),
            "no binary PPM of 8 bits; make one with: ffmpeg -i image.ppm",
        ),
        (
            lambda f: (f / "image.ppm").write_bytes(b"P6 99 99 255\nabc"),
            "ends before its last pixel",
        ),
    ],
)
def test_errors_are_one_line(run, files, image, spoil, message):
    image((56, 40))
    spoil(files)
    _refused(run("tiny.tflite", "image.ppm"), files, message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 9}, "has the schema 9"),
        ({"num_classes": 4}, "must name and color each class"),
        ({"palette": [[1, 2, 300]] * 5}, "whole number from 0 to 255"),
        ({"palette": [[1, 2]] * 5}, "a color must be three numbers"),
        ({"input": {"shape": [1, 20, 20, 3]}}, "images is not as the sidecar"),
        ({"input": {"dtype": "uint8"}}, "images is not as the sidecar"),
        ({"input": {"dtype": "float64"}}, "has the dtype float64"),
        ({"input": {"layout": "NHHC"}}, "has the layout NHHC"),
        ({"input": {"name": "other"}}, "cannot find other"),
        ({"input": {"range": [0]}}, "range must be two numbers"),
        ({"output": {"name": "mask"}}, "contradicts itself"),
    ],
)
def test_a_wrong_sidecar(run, files, image, rewrite, changes, message):
    image((56, 40))
    rewrite(files / "tiny.tflite", **changes)
    _refused(run("tiny.tflite", "image.ppm"), files, message)


@pytest.mark.parametrize(
    "changes",
    [
        {"palette": [[9, 9, 9]] * 5},
        {"class_names": ["a", "b", "c", "d", "é"]},
        {"proof": {"mask_agreement": 0.5}},
        {"proof": {"miou_before": True}},
        {"notes": []},
        {"schema": 1},
    ],
)
def test_an_edited_sidecar(run, files, image, rewrite, changes):
    image((56, 40))
    rewrite(files / "tiny.tflite", seal=False, **changes)
    message = "cannot be used: one of its entries was edited"
    _refused(run("tiny.tflite", "image.ppm"), files, message)


@pytest.mark.parametrize("kept", [0, 55, 56, 63, 64, 3000])
def test_a_truncated_file_with_the_right_hash(run, files, image, rewrite, kept):
    image((56, 40))
    path = files / "tiny.tflite"
    path.write_bytes(path.read_bytes()[:kept])
    rewrite(path)
    _refused(
        run("tiny.tflite", "image.ppm"), files, "LiteRT cannot read the file"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "usage: segment FILE.tflite IMAGE.ppm"),
        (["tiny.tflite", "image.ppm", "--best"], "usage: "),
        (["tiny.tflite", "image.ppm", "--best=1"], "usage: "),
        (["tiny.tflite", "image.ppm", "--runs=0"], "--runs must be 1 or"),
        (["tiny.tflite", "image.ppm", "--threads", "x"], "Received: x"),
    ],
)
def test_a_wrong_command(run, files, image, arguments, message):
    image((56, 40))
    _refused(run(*arguments), files, message)


@pytest.fixture(scope="module")
def gray(tmp_path_factory):
    """Files of models for images of one and of five channels."""
    import keras

    from kerasseg.export import to_litert

    folder = tmp_path_factory.mktemp("gray")
    for channels in (1, 5):
        images = keras.Input((40, 56, channels))
        x = keras.layers.Rescaling(1 / 127.5, offset=-1)(images)
        logits = keras.layers.Conv2D(3, 5, padding="same")(x)
        model = keras.Model(images, logits)
        to_litert(model, folder / f"{channels}.tflite")
    return folder


def test_a_gray_image(run, segment, files, gray, rng):
    shutil.copytree(gray, files, dirs_exist_ok=True)
    pixels = rng.integers(0, 256, (77, 131), dtype="uint8")
    Image.fromarray(pixels).save(files / "image.ppm")
    assert (files / "image.ppm").read_bytes()[:2] == b"P5"
    _, ids = _same_as_in_python(run, segment, files, "1.tflite")
    assert len(np.unique(ids)) == 3
    Image.fromarray(np.dstack([pixels] * 3)).save(files / "image.ppm")
    _, same = _same_as_in_python(run, segment, files, "1.tflite")
    np.testing.assert_array_equal(same, ids)
    # And gray for a model of RGB images.
    Image.fromarray(pixels).save(files / "image.ppm")
    _same_as_in_python(run, segment, files, "tiny.tflite")


def test_images_of_other_channels(run, files, gray, image):
    shutil.copytree(gray, files, dirs_exist_ok=True)
    image((56, 40))
    result = run("1.tflite", "image.ppm")
    assert result.returncode == 2
    assert "image.ppm holds colors, and the model takes gray" in result.stderr
    result = run("5.tflite", "image.ppm")
    assert result.returncode == 2
    assert "takes images of 5 channels; this program reads" in result.stderr
