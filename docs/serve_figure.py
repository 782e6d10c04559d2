"""Draws docs/serve.png: the page of `kerasseg serve`, in Chromium.

    python docs/serve_figure.py

Needs Chromium, and onnxruntime-web from `make web`.
"""

import argparse
import base64
import importlib.util
import io
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from kerasseg.files import atomic_file

ROOT = Path(__file__).parents[1]
RUNTIME = ROOT / "export/web/node_modules/onnxruntime-web/dist"
# The edge of a tree in front of the sky and a house.
STATE = "?boundaries&compare&spot=96,110"
READY = "document.querySelectorAll('figcaption').length === 2"
SIZE = (1000, 1400)


def main():
    """Starts the server, draws its page, and stops both."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", default=ROOT / "docs" / "serve.png")
    out = Path(parser.parse_args().out)
    command = [sys.executable, "-m", "kerasseg", "serve", "--port", "0"]
    command += ["--runtime", str(RUNTIME)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        lines = iter(server.stdout.readline, "")
        address = next(line for line in lines if line.startswith("http"))
        content = figure(address.split()[0] + STATE)
    finally:
        server.terminate()
        server.communicate()
    with atomic_file(out) as part:
        part.write_bytes(content)


def figure(url):
    """The page as a PNG file of 256 colors."""
    with (
        tempfile.TemporaryDirectory() as profile,
        browser().Browser(profile, flags=window()) as tab,
    ):
        tab.open(url)
        tab.wait(f"document.body && {READY}")
        answer = tab.call("Page.captureScreenshot", captureBeyondViewport=True)
    image = Image.open(io.BytesIO(base64.b64decode(answer["data"])))
    file = io.BytesIO()
    # The colors of the legend are few pixels, and must stay.
    few = image.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE)
    few.save(file, "PNG", optimize=True)
    return file.getvalue()


def window():
    """The flags of the browser."""
    return (f"--window-size={SIZE[0]},{SIZE[1]}", "--hide-scrollbars")


def browser():
    """The module of the tests that drives Chromium."""
    path = ROOT / "tests" / "browser.py"
    spec = importlib.util.spec_from_file_location("browser", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
