"""What the web page computes without a browser: tiles, and files of masks."""

import json
import shutil
import subprocess

import numpy as np
import pytest
from source import load_program

from kerasseg.data import read_mask
from kerasseg.page.site import STATIC

SIDE = {"N": 1, "H": 24, "W": 40, "C": 3}

pytestmark = [
    pytest.mark.one_backend,
    pytest.mark.skipif(shutil.which("node") is None, reason="needs node"),
]


@pytest.fixture
def node(tmp_path):
    """Runs a module beside those of the page: what it printed."""
    for path in STATIC.glob("*.js"):
        shutil.copy(path, tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')

    def node(script):
        (tmp_path / "test.js").write_text(script)
        answer = subprocess.run(
            ["node", "test.js"],
            cwd=tmp_path,
            check=False,
            capture_output=True,
            text=True,
        )
        assert not answer.returncode, answer.stderr
        return answer.stdout

    return node


TILES = """
import { readFileSync, writeFileSync } from "node:fs";
import { runTiled } from "./tiles.js";
globalThis.ImageData = class {
  constructor(width, height) {
    Object.assign(this, { width, height });
    this.data = new Uint8ClampedArray(4 * width * height);
  }
};
class Tensor {
  constructor(dtype, data) { this.data = data; }
}
const { sidecar, width, height, size } =
  JSON.parse(readFileSync("case.json", "utf-8"));
// The class of a pixel depends on where in the tile it lies.
const found = (images, x, y, c) => {
  const first = sidecar.input.layout === "NCHW";
  const at = y * size.W + x;
  const pixel = images.data[first ? c * size.W * size.H + at : at * 3 + c];
  return pixel + ((7 * x + 3 * y) % 11) * 9 * c;
};
const session = {
  async run({ images }) {
    const { name, layout, shape } = sidecar.output;
    const data = new Float32Array(shape.reduce((a, b) => a * b));
    const step = layout === "NHWC" ? [3, 1] : [1, size.W * size.H];
    for (let y = 0; y < size.H; y += 1) {
      for (let x = 0; x < size.W; x += 1) {
        const all = [0, 1, 2].map((c) => found(images, x, y, c));
        const at = y * size.W + x;
        if (name === "mask") data[at] = all.indexOf(Math.max(...all));
        else all.forEach((v, c) => (data[at * step[0] + c * step[1]] = v));
      }
    }
    return { [name]: { data, dims: shape } };
  },
};
const image = new ImageData(width, height);
image.data.set(readFileSync("image.bin"));
const model = {
  ort: { Tensor }, session, sidecar, width: size.W, height: size.H,
};
let counts = [];
const { ids } = await runTiled(model, image, (number, count) => {
  counts.push([number, count]);
  return true;
});
writeFileSync("ids.bin", ids);
const stopped = await runTiled(model, image, (number) => number < 2);
console.log(JSON.stringify({ counts, stopped }));
"""


def described(layout, name):
    """The entries of a sidecar that the tiles depend on."""
    output = {"N": 1, "H": SIDE["H"], "W": SIDE["W"], "C": 3}
    ends = "NHW" if name == "mask" else layout
    return {
        "num_classes": 3,
        "input": {
            "name": "images",
            "layout": layout,
            "shape": [SIDE[axis] for axis in layout],
            "dtype": "float32",
            "range": [0, 255],
        },
        "output": {
            "name": name,
            "layout": ends,
            "shape": [output[axis] for axis in ends],
        },
    }


def stand_in(sidecar):
    """The model of the script above, in NumPy."""
    y, x = np.mgrid[: SIDE["H"], : SIDE["W"]]
    place = (7 * x + 3 * y) % 11 * 9

    def run(pixels):
        if sidecar["input"]["layout"] == "NCHW":
            pixels = np.moveaxis(pixels, 1, -1)
        logits = pixels + place[..., np.newaxis] * np.arange(3)
        if sidecar["output"]["name"] == "mask":
            return logits.argmax(-1)
        order = ["NHWC".index(axis) for axis in sidecar["output"]["layout"]]
        return logits.transpose(order).astype("float32")

    return run


@pytest.mark.parametrize(
    ("layout", "name", "height", "width"),
    [
        ("NHWC", "logits", 83, 151),
        ("NCHW", "logits", 25, 40),
        ("NHWC", "mask", 50, 33),
    ],
)
def test_tiles_are_those_of_the_program(
    node, tmp_path, rng, layout, name, height, width
):
    segment = load_program("onnxruntime_python/segment.py")
    sidecar = described(layout, name)
    image = rng.integers(0, 256, (height, width, 3), dtype="uint8")
    opaque = np.full((height, width, 1), 255, "uint8")
    np.concatenate([image, opaque], 2).tofile(tmp_path / "image.bin")
    case = {"sidecar": sidecar, "width": width, "height": height, "size": SIDE}
    (tmp_path / "case.json").write_text(json.dumps(case))
    told = json.loads(node(TILES))
    assert not told["stopped"]
    count = len(segment.starts(height, SIDE["H"]))
    count *= len(segment.starts(width, SIDE["W"]))
    assert told["counts"] == [[i + 1, count] for i in range(count)]
    ids = np.fromfile(tmp_path / "ids.bin", "uint16").reshape(height, width)
    expected = segment.tiled(stand_in(sidecar), image, sidecar)
    assert len(np.unique(expected)) == 3
    np.testing.assert_array_equal(ids, expected)


FILES = """
import { writeFileSync } from "node:fs";
import { maskFile } from "./mask.js";
for (const [name, count] of [["few", 4], ["many", 300]]) {
  const mask = { width: 3, height: 2, ids: [0, 1, 2, 3, count - 1, 1] };
  const colors = Array.from({ length: count }, (_, i) => [i, 2 * i, 0]);
  const file = await maskFile(mask, { width: 7, height: 4 }, colors);
  writeFileSync(`${name}.png`, new Uint8Array(await file.arrayBuffer()));
}
"""


def test_files_of_masks_are_those_of_the_program(node, tmp_path):
    from PIL import Image

    node(FILES)
    for name, count in (("few", 4), ("many", 300)):
        ids = np.array([[0, 1, 2], [3, count - 1, 1]], "int32")
        large = Image.fromarray(ids).resize((7, 4), Image.Resampling.NEAREST)
        found = read_mask(tmp_path / f"{name}.png")
        np.testing.assert_array_equal(found, np.asarray(large))
    with Image.open(tmp_path / "few.png") as image:
        assert image.mode == "P"
        assert image.getpalette()[:12] == [0, 0, 0, 1, 2, 0, 2, 4, 0, 3, 6, 0]


PAGE = """
import { writeFileSync } from "node:fs";
const any = () => new Proxy(() => {}, {
  get: () => any(), set: () => true, apply: () => any(),
});
const [search, models] = JSON.parse(CASE);
globalThis.location = { search };
globalThis.document = {
  body: { dataset: {} }, getElementById: any, addEventListener() {},
};
globalThis.Option = class {};
globalThis.fetch = async (url) => {
  console.log(url);
  const json = async () => ({ models, image: null });
  return { ok: true, json, arrayBuffer: async () => null };
};
writeFileSync("model.js", `
  const sidecar = { format: "onnx", precision: "float32" };
  export const loadRuntime = async () => null;
  export const infer = null, run = null, sizeOf = null;
  export const openModel = async () => ({ sidecar, width: 1, height: 1 });
`);
await import("./page.js");
"""


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("", "a%231%3F%25.onnx"),
        ("?model=a%231%3F%25.onnx", "a%231%3F%25.onnx"),
        ("?model=../b/c.onnx%3Fv%3D1", "../b/c.onnx?v=1"),
    ],
)
def test_names_of_models_in_addresses(node, search, expected):
    case = json.dumps(json.dumps([search, ["a#1?%.onnx"]]))
    asked = node(PAGE.replace("CASE", case)).split()
    assert asked == ["site.json", expected, f"{expected}.json"]
