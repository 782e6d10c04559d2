"""What quantization-aware training regains: docs/quantization_aware.md.

    python benchmarks/quantization_aware.py --out build/quantization_aware

Fine-tunes `fcn_8s` with fake quantization on the images that it was trained on
(CamVid, train and val), batch normalization frozen. Epochs, crops and learning
rate were fixed before any score was seen. Then the entry and what it became are
exported in int8, and the files score all test images. A training that was
stopped goes on, and files that were scored are not scored again; `--render`
writes the page from the JSON file alone.

ONNX Runtime is asked twice: as it is, and with each quantized operator computed
in float on the integers of the file. On processors without VNNI its product of
`uint8` and `int8` adds two products in 16 bits, which overflow; the second way
is what others compute.
"""

import argparse
import functools
import importlib
import json
from pathlib import Path

import keras
from stores import Store
from stores import markdown
from stores import write_page

import kerasseg
from kerasseg.data import CAMVID
from kerasseg.formats import FORMATS

ROOT = Path(__file__).parents[1]
STORE = ROOT / "docs" / "quantization_aware.json"
ENTRY = "fcn_8s"
SHAPE = (360, 480)
# Those of zoo/fcn_8s/recipe.py.
WEIGHTS = [0.53, 0.45, 2.19, 0.39, 1.0, 0.65, 1.96, 1.4, 0.89, 2.52, 2.5]
EPOCHS, BATCH, CROP, RATE = 4, 8, 256, 5e-5
# The schedule is for four epochs, of which three were run.
STOP = 3
RUNTIMES = {
    "litert": "LiteRT",
    "onnx exact": "ONNX Runtime, each operator in float",
    "onnx": "ONNX Runtime without VNNI",
    "tensorrt exact": "ONNX file for TensorRT, each operator in float",
}
KINDS = {"calibrated": "from calibration", "learned": "learned"}


def train():
    return kerasseg.data.camvid("train+val").cached()


def model():
    return kerasseg.training.quantization_aware(kerasseg.zoo.load(ENTRY))


def optimizer(steps):
    return keras.optimizers.AdamW(
        kerasseg.training.PolyDecay(RATE, steps, warmup_steps=steps // 20),
        weight_decay=1e-3,
        clipnorm=5.0,
    )


def recipe():
    return kerasseg.training.Recipe(
        name=f"{ENTRY}_quantization_aware",
        labels=CAMVID,
        train=train,
        augmentation=kerasseg.data.Augmentation(
            crop_size=(CROP, CROP), scale=(0.6, 1.8), brightness=0.5, gamma=0.4
        ),
        batch_size=BATCH,
        model=model,
        loss=kerasseg.losses.SegmentationLoss(
            class_weights=WEIGHTS, normalization="image"
        ),
        optimizer=optimizer,
        freeze=("batch_normalization",),
        epochs=EPOCHS,
    )


def exported(made, way, folder, kind):
    """Writes a file in int8, whatever it loses, where it is not; its path."""
    form = way.partition(" ")[0]
    path = folder / f"{kind}_{form}{FORMATS[form].suffix}"
    # That of TensorRT is beside the engine.
    file = path.with_suffix(".onnx") if form == "tensorrt" else path
    if not file.exists():
        test = kerasseg.data.load("camvid", "test")
        getattr(kerasseg.export, f"to_{form}")(
            made(),
            path,
            image_shape=SHAPE,
            precision="int8",
            calibration=kerasseg.data.load("camvid", "train"),
            verify_on=test.subset(test.names[::40]),
            gate=kerasseg.export.Gate(1.0, 0.5),
        )
    return file


def opened(way, path):
    """A function from an image to class ids."""
    if way.endswith("exact"):
        return exact(path)
    run = importlib.import_module(
        f"kerasseg.export.{way}.exporter"
    ).FORMAT.open(path)
    return lambda image: run(image[None].astype("float32"))[0].argmax(-1)


def exact(path):
    """The same, with the quantized operators computed in float."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    session = onnxruntime.InferenceSession(str(path), options)

    def run(image):
        feeds = {"images": image[None].astype("float32")}
        return session.run(None, feeds)[0][0].argmax(-1)

    return run


def score(entry, predict):
    """Mean IoU on all test images."""
    return kerasseg.training.evaluate(
        entry,
        kerasseg.data.load("camvid", "test"),
        CAMVID,
        predict=predict and (lambda _, image: predict(image)),
    )["mean_iou"]


def measure(store, folder, kinds=KINDS):
    """Fills the cells that are missing."""
    entry = kerasseg.zoo.load(ENTRY)
    for kind in kinds:
        made = functools.cache(
            lambda kind=kind: entry if kind == "calibrated" else tuned(folder)
        )
        for way in RUNTIMES:
            if store.get(kind, way):
                continue
            path = exported(made, way, folder, kind)
            found = score(entry, opened(way, path))
            store.put(kind, way, cell={"mean_iou": found})
            print(kind, way, f"{100 * found:.2f} %", flush=True)


class Stop(keras.callbacks.Callback):
    """Ends a training after some epochs."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch + 1 >= STOP


def tuned(folder):
    """The fine-tuned model, trained if it was not yet."""
    saved = folder / "model"
    if not (saved / "entry.json").exists():
        made = kerasseg.training.fit(
            recipe(), folder / "run", verbose=2, callbacks=[Stop()]
        )
        kerasseg.zoo.save(made, saved, CAMVID)
    return kerasseg.zoo.load(saved)


def measure_float(store, folder):
    """What the weights that were tuned score without any rounding."""
    if not store.get("learned", "float"):
        plain = kerasseg.training.without_quantization(tuned(folder))
        found = score(plain, None)
        store.put("learned", "float", cell={"mean_iou": found})
        print("learned float", f"{100 * found:.2f} %", flush=True)


def render(content):
    """The page."""
    cells = content["cells"]
    text = (ROOT / "zoo" / ENTRY / "metrics.json").read_text(encoding="utf-8")
    start = json.loads(text)["mean_iou"]

    def shown(kind, way):
        found = cells[kind][way]["mean_iou"]
        return f"{100 * found:.2f} % ({100 * (found - start):+.2f})"

    rows = [
        ["float32, in Keras", f"{100 * start:.2f} %", shown("learned", "float")]
    ]
    rows += [
        ["int8, " + title, *(shown(kind, way) for kind in KINDS)]
        for way, title in RUNTIMES.items()
    ]
    header = ["computed in", *(f"ranges {title}:" for title in KINDS.values())]
    return PAGE.format(
        start=f"{100 * start:.2f} %",
        table=markdown(header, rows),
        steps=STOP * (468 // BATCH),
        epochs=EPOCHS,
        stop=STOP,
        crop=CROP,
        batch=BATCH,
        rate=f"{RATE:g}",
    )


PAGE = """\
# Quantization-aware training

<!-- made by benchmarks/quantization_aware.py -->

Calibration takes the ranges of the integers from images, and leaves the
weights as they are. `kerasseg.training.quantization_aware` trains both: it
copies a model so that kernels and activations are rounded to 8 bits while it
is fine-tuned, as a file in int8 rounds them. The file gets what the copy has
learned.

<!-- not run: trains for minutes, on CamVid -->
```python
import keras
import kerasseg

train = kerasseg.data.camvid("train+val").cached()
model = kerasseg.training.quantization_aware(kerasseg.zoo.load("fcn_8s"))
kerasseg.training.freeze_batch_normalization(model)
model.compile(
    keras.optimizers.AdamW({rate}), kerasseg.losses.SegmentationLoss()
)
augment = kerasseg.data.Augmentation(crop_size=({crop}, {crop}))
batches = kerasseg.data.batches(train, {batch}, augment)
model.fit(batches, epochs={epochs}, shuffle=False)
kerasseg.zoo.save(model, "fcn_8s_int8")
kerasseg.export.to_litert(
    model,
    "fcn_8s_int8.tflite",
    image_shape=(360, 480),
    precision="int8",
    calibration=kerasseg.data.load("camvid", "train"),
)
```

`calibration` is still asked for: the file is verified on its images, and
ranges inside of layers, of which the model knows nothing, come from them. The
report says how many ranges were learned. Symmetric ranges, as files for
TensorRT have them, are those of `quantization_aware(model, symmetric=True)`.
What `kerasseg.training.without_quantization(model)` returns has the same
weights and computes in float.

## What is rounded

- The kernels of `Conv2D`, `Conv2DTranspose`, `DepthwiseConv2D`,
  `SeparableConv2D` and `Dense`, to 255 values, with a range for each output
  channel: its largest absolute weight. A batch normalization that follows
  multiplies a channel and its values alike, so that it need not be folded
  before.
- What a layer returns, to 256 values, with one range for a tensor: moving
  averages of the smallest and the largest value of an image. A convolution,
  its batch normalization and its ReLU count as one, and what only moves
  values, such as pooling, keeps the range of its input.
- Not: pixels, which are integers; biases; what a layer of another kind, such as
  `LaplacianReconstruction`, holds inside.

Gradients use a straight-through estimator, and are zero outside of a range
(Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", CVPR 2018).

## Measured

`fcn_8s` on the 233 test images of CamVid, 360 x 480: mean IoU, and its
difference to {start} in float. Trained for {steps} steps of {batch} crops of
{crop} x {crop} from train and val: AdamW at {rate}, decaying to zero over
{epochs} epochs, of which {stop} were run to save time; batch normalization
frozen. Nothing was chosen on the test images. Command:
`python benchmarks/quantization_aware.py --out build/quantization_aware`.

{table}
Files with learned ranges have the same operators, size and speed. Rounded, the
weights that were fine-tuned score more than the entry does in float; without
the rounding and the ranges that they learned with, as the first line has them,
they score less. They are for int8 alone, and for files that round where they
were rounded: those for TensorRT keep depthwise convolutions and most results
in float, lose nothing by calibration here, and are worse with these weights.

ONNX Runtime as it is was run on a processor with AVX2 and without VNNI. There
its product of `uint8` and `int8` adds pairs of products in 16 bits, which
overflow where weights and activations are large. What this costs does not
depend on the file, and no training helps against it. The line above it computes
each operator in float on the integers of the same file, as ONNX Runtime does
with `session.disable_quant_qdq`; it is what a processor with VNNI returns, up
to rounding.
"""


def main():
    """Trains, exports, scores and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, help="folder of files and training")
    parser.add_argument("--render", action="store_true")
    args = parser.parse_args()
    store = Store(STORE)
    if not args.render:
        args.out.mkdir(parents=True, exist_ok=True)
        measure(store, args.out)
        measure_float(store, args.out)
    print(write_page(store, render))


if __name__ == "__main__":
    main()
