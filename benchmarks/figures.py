"""The images of README.md and of docs/methods, from real feature maps.

    python benchmarks/figures.py [--out docs]

Packaged entries run on the street that `kerasseg demo` draws, so that all of it
may be shown anywhere. Needs matplotlib (`pip install "kerasseg[train]"`).
"""

import argparse
from pathlib import Path

import keras
import numpy as np
from PIL import Image

import kerasseg
from kerasseg.cli.demo_images import draw_street
from kerasseg.figures import new_figure
from kerasseg.figures import save_figure

LABELS = kerasseg.data.CAMVID
CAR = LABELS.class_names.index("Car")
TREE = LABELS.class_names.index("Tree")
LEGEND = ("Road", "Pavement", "Car", "Building", "Tree")
# The whole street divides by 32 but for its last rows: nothing is padded.
ROWS = 352
# Rows and columns of a car and of who walks beside it.
CLOSE_UP = (slice(160, 280), slice(240, 420))


def street():
    """The image, `uint8` `(352, 480, 3)`."""
    return draw_street()[:ROWS]


def maps(name, *layers):
    """An entry, and what its layers give for the street, by their names."""
    model = kerasseg.zoo.load(name)
    inner = keras.Model(
        model.inputs[0], {key: model.get_layer(key).output for key in layers}
    )
    outputs = inner(street()[None].astype("float32"), training=False)
    return model, {
        key: keras.ops.convert_to_numpy(value)[0]
        for key, value in outputs.items()
    }


def mask(logits):
    """The mask of logits, in the colors of the classes."""
    return kerasseg.inference.colorize(logits.argmax(-1), LABELS.palette)


def show(axis, title, values, **kwargs):
    """One panel: an image in colors, or a map as brightness."""
    axis.imshow(values, interpolation="nearest", **kwargs)
    axis.set_title(title, fontsize=9)
    axis.set_axis_off()


def save(figure, path, colors=128):
    """Writes a figure with few colors, which makes it small."""
    save_figure(figure, path, dpi=110)
    with Image.open(path) as image:
        small = image.convert("RGB").quantize(colors, dither=Image.Dither.NONE)
    small.save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def readme(path):
    """Image and masks, whole and close up, LRR beside bilinear upsampling."""
    shown = [("image", street())]
    for name in ("lrr_4x", "bilinear"):
        ids = maps(name, "logits")[1]["logits"].argmax(-1)
        overlay = kerasseg.inference.overlay(
            street(), ids, LABELS, 0.65, legend=False
        )
        shown.append((name, np.asarray(overlay)))
    figure = new_figure((10, 5.3))
    rows = figure.subplots(2, 3, height_ratios=(1.35, 1))
    for column, (title, image) in enumerate(shown):
        show(rows[0, column], "", image)
        rows[0, column].set_title(title, fontsize=14)
        show(rows[1, column], "", image[CLOSE_UP])
    figure.legend(
        handles=[_class_patch(name) for name in LEGEND],
        loc="outside lower center",
        ncols=len(LEGEND),
        fontsize=13,
        frameon=False,
    )
    save(figure, path, 256)


def _class_patch(name):
    """The color of a class, for a legend."""
    from matplotlib.patches import Patch

    color = LABELS.palette[LABELS.class_names.index(name)]
    return Patch(color=[value / 255 for value in color], label=name.lower())


def fcn(path):
    """Scores of three strides, added from coarse to fine."""
    scores = ("score_32", "score_16", "score_8")
    sums = ("score_32", "sum_16", "sum_8", "logits")
    _, found = maps("fcn_8s", *scores, *sums[1:])
    figure = new_figure((9.5, 3.8))
    axes = figure.subplots(2, 4)
    strides = ("stride 32", "+ stride 16", "+ stride 8", "the mask")
    for axis, title, key in zip(axes[0], strides, sums, strict=True):
        show(axis, title, mask(found[key]))
    for axis, key in zip(axes[1], scores, strict=False):
        title = f"{key}: Tree"
        show(axis, title, found[key][..., TREE], cmap="gray")
    show(axes[1, 3], "the image", street())
    save(figure, path)


def lrr(path):
    """Predictions from coarse to fine, and where each corrects the last."""
    levels = ("16x", "8x", "4x")
    keys = ["reconstruction_32x", *(f"prediction_{i}" for i in levels)]
    model, found = maps("lrr_4x", *keys, *(f"mask_{i}" for i in levels))
    figure = new_figure((9.5, 3.8))
    axes = figure.subplots(2, 4)
    for axis, key in zip(axes[0], keys, strict=True):
        show(axis, f"prediction {key.split('_')[1]}", mask(found[key]))
    bases = keras.ops.convert_to_numpy(
        model.get_layer("reconstruction_32x").bases
    )
    tiles = np.pad(bases[CAR], ((0, 0), (1, 1), (1, 1)))
    rows = [np.concatenate(tiles[i : i + 5], 1) for i in (0, 5)]
    title = "ten basis functions: Car"
    show(axes[1, 0], title, np.concatenate(rows), cmap="gray")
    for axis, level in zip(axes[1, 1:], levels, strict=True):
        where = found[f"mask_{level}"].max(-1)
        show(axis, f"corrected at {level}", where, cmap="gray")
    save(figure, path)


def gdn(path):
    """The two matrices, and what they make of the coarse scores."""
    model, found = maps("gdn", "score", "logits")
    layer = model.get_layer("interpolation")
    height, width = (
        keras.ops.convert_to_numpy(kernel)
        for kernel in (layer.kernel_height, layer.kernel_width)
    )
    figure = new_figure((9.5, 2.6))
    axes = figure.subplots(1, 4)
    show(axes[0], "coarse scores", mask(found["score"]))
    for axis, title, kernel in (
        (axes[1], "Kh: rows from coarse rows", height),
        (axes[2], "Kw: columns from coarse columns", width),
    ):
        show(axis, title, kernel, cmap="gray", aspect="auto")
    show(axes[3], "Kh scores Kw, as a mask", mask(found["logits"]))
    save(figure, path)


def pixel_dcl(path):
    """The four maps of one channel, and how they lie in one another."""
    _, found = maps("pixel_dcl", "up_P2", "logits")
    features = found["up_P2"]
    channel = features.std((0, 1)).argmax()
    whole = features[..., channel]
    limits = {"vmin": whole.min(), "vmax": whole.max(), "cmap": "gray"}
    figure = new_figure((9.5, 3.8))
    axes = figure.subplots(2, 3)
    phases = (
        ("F1: even rows, even columns", 0, 0),
        ("F2, from F1: odd, odd", 1, 1),
        ("from F1 and F2: even, odd", 0, 1),
        ("from F1 and F2: odd, even", 1, 0),
    )
    for axis, (title, row, column) in zip(axes.flat, phases, strict=False):
        show(axis, title, whole[row::2, column::2], **limits)
    show(axes[1, 1], "interleaved", whole, **limits)
    show(axes[1, 2], "the mask", mask(found["logits"]))
    save(figure, path)


def guided_duc_dlc(path):
    """Guidance, its two coefficients, their result, and what DLC sees."""
    model, found = maps("guided_duc_dlc", "guidance", "score", "logits")
    layer = model.get_layer("guided_duc")
    guidance = keras.ops.convert_to_numpy(
        layer._guide(found["guidance"][None], training=False)
    )[0]
    _, whole = maps("guided_duc_dlc", "guided_duc")
    result = whole["guided_duc"][..., : layer.filters]
    channel = result.std((0, 1)).argmax()
    figure = new_figure((9.5, 3.8))
    axes = figure.subplots(2, 3)
    show(axes[0, 0], "the image", street())
    show(axes[0, 1], "G: guidance", guidance[..., channel], cmap="gray")
    show(axes[0, 2], "a G + b, at 1/8", result[..., channel], cmap="gray")
    seen = _seen((3, 6, 12, 18))
    title = f"what DLC sees: {len(seen)} x {len(seen)}"
    show(axes[1, 0], title, seen, cmap="gray")
    show(axes[1, 1], "scores after DLC", mask(found["score"]))
    show(axes[1, 2], "the mask", mask(found["logits"]))
    save(figure, path)


def _seen(rates):
    """Pixels that 3x3 convolutions of these rates in a row can read."""
    side = kerasseg.layers.receptive_field(rates)
    line = np.zeros(side)
    line[side // 2] = 1
    for rate in rates:
        line = line + np.roll(line, rate) + np.roll(line, -rate)
    return np.outer(line > 0, line > 0).astype("uint8") * 255


FIGURES = {
    "readme.png": readme,
    "methods/fcn.png": fcn,
    "methods/gdn.png": gdn,
    "methods/lrr.png": lrr,
    "methods/pixel_dcl.png": pixel_dcl,
    "methods/guided_duc_dlc.png": guided_duc_dlc,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("docs"))
    folder = parser.parse_args().out
    for name, draw in FIGURES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draw(path)


if __name__ == "__main__":
    main()
