"""Makes the golden artifacts of this release.

python tests/golden/make.py

They are a saved model, its exports with their sidecars, and what all of them
compute for one image. The tests in tests/zoo/test_golden.py and
tests/export/test_golden.py read those of each release: what a user saved or
shipped must go on working. A release adds its folder once; none is ever
changed.
"""

import inspect
import sys
from pathlib import Path

import keras
import numpy as np
from PIL import Image

import kerasseg

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))
import stand_ins  # noqa: E402

SIZE = (40, 56)
LABELS = kerasseg.data.Labels(("ground", "water", "sky"))
# Of the head, so that the files are small.
FEW_FILTERS = {"32x": (12, 5), "16x": (8, 5)}
ANY_LOSS = kerasseg.export.Gate(mask_agreement=0.5)


def model():
    """An LRR on a tiny backbone whose logits vary."""
    inspect.unwrap(kerasseg.models.lrr).__globals__["LIGHT_HEAD"].update(
        FEW_FILTERS
    )
    net = kerasseg.models.lrr(
        LABELS.num_classes,
        stand_ins.tiny_backbone(),
        level="16x",
        num_bases=3,
        name="golden",
    )
    stand_ins.randomize(net, np.random.default_rng(1))
    return net


def draw():
    """Smooth colors with some noise."""
    generator = np.random.default_rng(2)
    coarse = generator.integers(0, 256, (5, 7, 3), dtype="uint8")
    smooth = Image.fromarray(coarse).resize(SIZE[::-1], Image.BICUBIC)
    noise = generator.normal(0, 8, (*SIZE, 3))
    return np.clip(np.asarray(smooth) + noise, 0, 255).astype("uint8")


def make(folder):
    """Writes the artifacts into a new folder."""
    folder.mkdir()
    net, image = model(), draw()
    Image.fromarray(image).save(folder / "image.png")
    kerasseg.zoo.save(net, folder / "model", labels=LABELS)
    net = kerasseg.zoo.load(folder / "model")
    logits = keras.ops.convert_to_numpy(net(image[None].astype("float32")))
    np.savez_compressed(folder / "expected.npz", logits=logits[0])
    export(net, image, folder)


def export(net, image, folder):
    """Exports a model to every format."""
    pixels = [image.astype("float32")]
    common = {"image_shape": SIZE, "labels": LABELS, "verify_on": pixels}
    kerasseg.export.to_saved_model(net, folder / "saved_model", **common)
    kerasseg.export.to_litert(net, folder / "float32.tflite", **common)
    kerasseg.export.to_onnx(net, folder / "float32.onnx", **common)
    kerasseg.export.to_openvino(net, folder / "float32.xml", **common)
    kerasseg.export.to_onnx(
        net, folder / "mask.onnx", output="mask", layout="NCHW", **common
    )
    kerasseg.export.to_litert(
        net,
        folder / "int8.tflite",
        precision="int8",
        calibration=[image],
        gate=ANY_LOSS,
        **common,
    )


if __name__ == "__main__":
    make(FOLDER / kerasseg.__version__)
