"""The page in headless Chromium draws the mask of the Keras model."""

import base64
import contextlib
import functools
import http.server
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import browser
import numpy as np
import onnx_ends
import pytest
from odd_images import write_odd_images
from PIL import Image
from PIL import ImageFilter
from source import ROOT

from kerasseg import page
from kerasseg.data import read_mask

RUNTIME = ROOT / "export/web/node_modules/onnxruntime-web/dist"

pytestmark = [pytest.mark.slow, pytest.mark.export, pytest.mark.web]


# Of the session, so that it comes before the export.
@pytest.fixture(autouse=True, scope="session")
def _installed():
    if browser.find_chromium() is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    if not RUNTIME.is_dir():
        pytest.skip("needs onnxruntime-web: make web")


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with browser.Browser(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


class _Handler(http.server.SimpleHTTPRequestHandler):
    """A folder, as any server shows it, with what threads need."""

    extensions_map = {".mjs": "text/javascript", ".js": "text/javascript"}

    def end_headers(self):
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def serving(server):
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    with server:
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def site(files):
    """The address of the page, in the folder of the exported files."""
    page.write_site(page.site_files({}, page.runtime_files(RUNTIME)), files)
    handler = functools.partial(_Handler, directory=files)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    with serving(server) as address:
        yield address


@pytest.fixture
def show(tab, site):
    """Opens the page with parameters and waits for a state."""

    def show(parameters="", state="done"):
        tab.messages.clear()
        tab.open(site + parameters)
        settle(tab, state)
        return tab

    return show


def settle(tab, state):
    tab.wait(
        f"document.body && {json.dumps([state, 'error'])}"
        ".includes(document.body.dataset.state)"
    )
    text = tab.evaluate("document.getElementById('status').textContent")
    assert tab.evaluate("document.body.dataset.state") == state, text
    return text


def pixels(tab, strength):
    """The canvas, with that share of the class colors."""
    url = tab.evaluate(
        "(() => { const s = document.getElementById('strength');"
        f"s.value = {strength}; s.dispatchEvent(new Event('input'));"
        "return document.getElementById('canvas').toDataURL(); })()"
    )
    content = base64.b64decode(url.partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def mask_of(tab, labels):
    """Class ids, from the colors at full strength."""
    colors = pixels(tab, 1)[:, :, None] == np.array(labels.palette)
    matches = colors.all(-1)
    assert (matches.sum(-1) == 1).all(), "a pixel has no class color"
    return matches.argmax(-1)


@pytest.fixture
def agrees(exported, files, right_mask):
    """Checks the canvas and the legend against the Keras model."""

    def agrees(tab):
        image = Image.open(files / "image.png")
        expected = right_mask(image)
        found = mask_of(tab, exported.labels)
        assert np.mean(found == expected) > 0.998
        blend = (
            np.asarray(image) / 2
            + np.array(exported.labels.palette)[found] / 2
        )
        np.testing.assert_allclose(pixels(tab, 0.5), blend, atol=2)
        rows = tab.evaluate("document.getElementById('legend').innerText")
        names = {row.split()[0] for row in rows.splitlines()}
        present = np.unique(found)
        assert names == {exported.labels.class_names[i] for i in present}
        assert not tab.messages

    return agrees


def test_a_model_and_an_image_by_address(show, agrees):
    tab = show("?model=tiny.onnx&image=image.png")
    agrees(tab)
    timing = tab.evaluate("document.getElementById('timing').textContent")
    pattern = r"\d+\.\d ms in WebAssembly, threads: (\d)"
    threads = int(re.fullmatch(pattern, timing)[1])
    cores = tab.evaluate("navigator.hardwareConcurrency")
    assert threads == min(4, cores)


def test_files_that_are_chosen(show, agrees, files):
    tab = show("", "empty")
    tab.choose("#model", files / "tiny.onnx", files / "tiny.onnx.json")
    settle(tab, "ready")
    tab.choose("#file", files / "image.png")
    settle(tab, "done")
    agrees(tab)


DROP = """
(async () => {
  const data = new DataTransfer();
  for (const [name, type] of FILES) {
    const content = await (await fetch(name)).blob();
    data.items.add(new File([content], name, { type }));
  }
  const options = { dataTransfer: data, bubbles: true, cancelable: true };
  document.body.dispatchEvent(new DragEvent("drop", options));
})()
"""


def test_files_that_are_dropped(show, agrees):
    tab = show("", "empty")
    files = [["tiny.onnx", ""], ["tiny.onnx.json", "application/json"]]
    files.append(["image.png", "image/png"])
    tab.evaluate(DROP.replace("FILES", json.dumps(files)))
    settle(tab, "done")
    agrees(tab)


@pytest.mark.parametrize(
    "change", [onnx_ends.with_mask, onnx_ends.with_channels_first]
)
def test_what_the_sidecar_may_say(show, agrees, files, rewrite, change):
    import onnx

    proto = onnx.load(files / "tiny.onnx")
    ends = change(proto.graph, onnx.helper, onnx.TensorProto)
    onnx.save(proto, files / "tiny.onnx")
    rewrite(files / "tiny.onnx", **ends)
    agrees(show("?model=tiny.onnx&image=image.png"))


def test_the_camera(show, exported, right_mask):
    tab = show("?model=tiny.onnx", "ready")
    tab.evaluate("document.getElementById('camera').click()")
    settle(tab, "done")
    tab.evaluate("document.getElementById('camera').click()")
    pressed = "document.getElementById('camera').getAttribute('aria-pressed')"
    tab.wait(f"{pressed} === 'false'")
    frame = Image.fromarray(pixels(tab, 0))
    assert min(frame.size) > 100
    found = mask_of(tab, exported.labels)
    # The browser shrinks the frame in its own way, so edges may differ.
    assert np.mean(found == right_mask(frame)) > 0.9


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "tiny.onnx.json").unlink(), "404"),
        (
            lambda folder: (folder / "tiny.onnx").write_bytes(b"x"),
            "describes another file",
        ),
        (
            lambda folder: (folder / "image.png").write_text("x"),
            "not an image",
        ),
    ],
)
def test_errors_are_shown(show, files, spoil, message):
    spoil(files)
    tab = show("?model=tiny.onnx&image=image.png", "error")
    text = tab.evaluate("document.getElementById('status').textContent")
    assert message in text


def test_odd_images(show, exported, files):
    from kerasseg.inference import predict_mask

    odd = files / "odd"
    names = write_odd_images(odd, Image.open(files / "image.png"))
    # What no browser reads, and what this one reads in colors of its own.
    left_out = (".tif", ".pgm", ".ppm", "cmyk.jpg")
    tab = show("?model=tiny.onnx", "ready")
    for name in names:
        if name.endswith(left_out):
            continue
        tab.evaluate("document.body.dataset.state = 'asked'")
        tab.choose("#file", odd / name)
        try:
            expected = predict_mask(exported.model, odd / name)
        except ValueError:
            settle(tab, "error")
            continue
        settle(tab, "done")
        found = mask_of(tab, exported.labels)
        assert np.mean(found == expected) > 0.99, name


def click(tab, name):
    tab.evaluate(f"document.getElementById('{name}').click()")


def saved(tab, path):
    """The mask that the page saves, which is waited for."""
    folder = str(path.parent)
    tab.call("Page.setDownloadBehavior", behavior="allow", downloadPath=folder)
    click(tab, "save")
    end = time.monotonic() + 30
    while not path.is_file() and time.monotonic() < end:
        time.sleep(0.05)
    return read_mask(path)


def test_a_large_image_in_tiles(show, segment, files, right_mask):
    coarse = np.random.default_rng(6).integers(0, 256, (9, 13, 3), "uint8")
    image = Image.fromarray(coarse).resize((151, 90), Image.Resampling.BICUBIC)
    image.save(files / "large.png")
    result = segment(
        *("onnxruntime_python", "tiny.onnx", "large.png", "--tiles"),
        *("--runs", "1", "--mask", "expected.png"),
    )
    assert not result.code, result.err
    tab = show("?model=tiny.onnx&image=large.png&tiles")
    timing = tab.evaluate("document.getElementById('timing').textContent")
    assert timing.startswith("12 tiles, ")
    found = saved(tab, files / "large_mask.png")
    assert found.shape == (90, 151)
    assert np.mean(found == read_mask(files / "expected.png")) > 0.999
    click(tab, "tiles")
    tab.wait("document.getElementById('status').innerText.includes('shrunk')")
    (files / "large_mask.png").unlink()
    shrunk = saved(tab, files / "large_mask.png")
    # The browser shrinks images in its own way.
    assert np.mean(shrunk == right_mask(image)) > 0.95


def test_models_are_compared_at_their_boundaries(show, exported, files):
    for suffix in (".onnx", ".onnx.json"):
        shutil.copy(files / f"tiny{suffix}", files / f"other{suffix}")
    tab = show("?model=tiny.onnx&model=other.onnx&image=image.png")
    names = "[...document.querySelectorAll('figcaption')].map(f => f.innerText)"
    assert [n.split(",")[0] for n in tab.evaluate(names)] == ["tiny"]
    click(tab, "compare")
    tab.wait(f"{names}.length === 2")
    assert [n.split(",")[0] for n in tab.evaluate(names)] == ["tiny", "other"]

    mask, bare = mask_of(tab, exported.labels), pixels(tab, 0)
    click(tab, "boundaries")
    drawn = (pixels(tab, 0) != bare).any(-1)
    edges = np.zeros(mask.shape, bool)
    for axis in (0, 1):
        first, second = (np.swapaxes(a, 0, axis) for a in (mask, edges))
        differ = first[1:] != first[:-1]
        second[1:] |= differ
        second[:-1] |= differ
    assert drawn[edges].mean() > 0.99
    assert edges.mean() < drawn.mean() < 1
    near = Image.fromarray(edges).filter(ImageFilter.MaxFilter(5))
    assert not drawn[~np.asarray(near)].any()


def test_the_page_that_is_served(tab, agrees, files):
    server = page.Server("127.0.0.1", 0)
    server.files = page.site_files(
        {"tiny": files / "tiny.onnx"},
        page.runtime_files(RUNTIME),
        (files / "image.png").read_bytes(),
    )
    with serving(server) as address:
        tab.messages.clear()
        tab.open(address)
        settle(tab, "done")
        agrees(tab)
        assert tab.evaluate("crossOriginIsolated")


CHOOSE = """
(() => {
  const models = document.getElementById("models");
  models.value = "NAME";
  models.dispatchEvent(new Event("change"));
})()
"""


@pytest.mark.nightly
def test_the_command_and_its_models(tab, tmp_path):
    from kerasseg import zoo
    from kerasseg.cli.demo_images import draw_street
    from kerasseg.inference import predict_mask

    command = [sys.executable, "-m", "kerasseg", "serve", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--runtime", RUNTIME],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "KERASSEG_HOME": str(tmp_path / "home")},
    )
    try:
        lines = iter(process.stdout.readline, "")
        tab.open(next(x for x in lines if x.startswith("http")).split()[0])
        settle(tab, "done")
        for name in ("bilinear", "lrr_4x"):
            tab.evaluate(CHOOSE.replace("NAME", name))
            title = f"innerText.startsWith('{name}: 480 x 360')"
            tab.wait(f"document.getElementById('status').{title}")
            found = saved(tab, tmp_path / "image_mask.png")
            (tmp_path / "image_mask.png").unlink()
            expected = predict_mask(zoo.load(name), draw_street())
            assert len(np.unique(expected)) > 5
            assert np.mean(found == expected) > 0.999
        process.send_signal(signal.SIGINT)
        assert not process.wait(60)
    finally:
        process.kill()
        process.communicate()
