"""Segment a picture with a LiteRT file and the sidecar beside it.

    python segment.py street.tflite street.jpg

Needs ai-edge-litert, numpy and pillow, and nothing else.
"""

import argparse
import hashlib
import json
import os
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image
from PIL import ImageDraw
from PIL import ImageFont
from PIL import ImageOps

NEEDS = "ai-edge-litert numpy pillow"
PAPER = (250, 250, 248)
INK = (28, 28, 30)


def parse():
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "file", help="the .tflite file; FILE.json lies beside it"
    )
    parser.add_argument("picture", help="a photograph of any size")
    parser.add_argument("--out", default="overlay.png", help="the overlay")
    parser.add_argument("--mask", help="also write the class ids, as a PNG")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--runs", type=int, default=10, help="runs to time")
    return parser.parse_args()


def open_model(args, sidecar):
    """A function from pixels to the output, and the runtime's name."""
    import ai_edge_litert
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=args.file, num_threads=args.threads)
    serve = interpreter.get_signature_runner("serving_default")
    source, target = sidecar["input"]["name"], sidecar["output"]["name"]
    name = f"LiteRT {ai_edge_litert.__version__}, {args.threads} threads"
    return lambda pixels: serve(**{source: pixels})[target], name


# From here on, the programs for the other runtimes are the same.


def main():
    """Reads file, sidecar and picture; writes overlay, shares and latency."""
    args = parse()
    try:
        sidecar = read_sidecar(args.file)
        picture = read_picture(args.picture)
        run, runtime = open_model(args, sidecar)
        pixels = prepare(picture, sidecar["input"])
        output, latency = timed(run, pixels, args.runs)
        ids = class_ids(output, sidecar["output"])
        write(args, picture, ids, sidecar)
    except ImportError as error:
        return mistake(f"{error}. Install it with: pip install {NEEDS}")
    except Exception as error:
        return mistake(error)
    print(f"{sidecar['file']}: {sidecar['format']} {sidecar['precision']}")
    print(f"runtime: {runtime}")
    print(f"latency: {latency:.1f} ms, median of {args.runs}")
    for share, name in shares(ids, sidecar):
        print(f"{100 * share:6.1f} % {name}")
    print(f"wrote {args.out}")
    return 0


def mistake(error):
    """One line on what went wrong, and the exit code."""
    text = " ".join(str(error).split()) or type(error).__name__
    print(f"segment.py: {text}", file=sys.stderr)
    return 2


def read_sidecar(path):
    """What the exporter says of the file, if it is still the same file."""
    beside = Path(f"{path}.json")
    try:
        content = b"".join(part.read_bytes() for part in parts(path))
        sidecar = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot read {path} and {beside}: {error}") from error
    if sidecar.get("schema") != 1:
        raise ValueError(f"{beside} has the schema {sidecar.get('schema')}")
    if hashlib.sha256(content).hexdigest() != sidecar["sha256"]:
        raise ValueError(f"{beside} describes another file than {path}")
    return sidecar


def parts(path):
    """The file, and the weights that OpenVINO keeps beside it."""
    path = Path(path)
    weights = [path.with_suffix(".bin")] if path.suffix == ".xml" else []
    return [path, *weights]


def read_picture(path):
    """The picture, upright and in colour."""
    with Image.open(path) as picture:
        return ImageOps.exif_transpose(picture).convert("RGB")


def prepare(picture, spec):
    """The picture in the size, range, type and layout of the input."""
    size = dict(zip(spec["layout"], spec["shape"], strict=True))
    shrunk = picture.resize((size["W"], size["H"]), Image.Resampling.BILINEAR)
    low, high = spec["range"]
    pixels = low + np.asarray(shrunk, "float32") * ((high - low) / 255)
    quantization = spec.get("quantization")
    if quantization:
        pixels = pixels / quantization["scale"] + quantization["zero_point"]
    if np.dtype(spec["dtype"]).kind in "iu":
        limits = np.iinfo(spec["dtype"])
        pixels = np.clip(np.rint(pixels), limits.min, limits.max)
    order = ["NHWC".index(axis) for axis in spec["layout"]]
    batch = pixels[np.newaxis].transpose(order)
    return np.ascontiguousarray(batch, spec["dtype"])


def timed(run, pixels, runs):
    """The output, and the median duration in milliseconds."""
    output = run(pixels)
    durations = []
    for _ in range(max(1, runs)):
        start = time.perf_counter()
        run(pixels)
        durations.append(1000 * (time.perf_counter() - start))
    return output, statistics.median(durations)


def class_ids(output, spec):
    """Class ids `(height, width)` from logits, or from ids as they are."""
    output = np.asarray(output)
    if spec["name"] == "mask":
        return np.squeeze(output).astype("uint8")
    return output.argmax(spec["layout"].index("C"))[0].astype("uint8")


def write(args, picture, ids, sidecar):
    """Writes the overlay and, if asked, the mask, in the picture's size."""
    large = Image.fromarray(ids).resize(picture.size, Image.Resampling.NEAREST)
    colours = sidecar["palette"] or voc_colours(sidecar["num_classes"])
    overlay(picture, np.asarray(large), names_of(sidecar), colours).save(
        args.out
    )
    if args.mask:
        large.putpalette(np.asarray(colours, "uint8").tobytes())
        large.save(args.mask)


def overlay(picture, ids, names, colours):
    """The picture half covered by class colours, above their legend."""
    tinted = np.asarray(colours)[ids]
    blended = 0.5 * np.asarray(picture) + 0.5 * tinted + 0.5
    picture = Image.fromarray(np.clip(blended, 0, 255).astype("uint8"))
    text = min(32, max(12, picture.width // 32))
    font = ImageFont.load_default(text)
    gap = text // 2
    present = [int(i) for i in np.unique(ids)]
    widths = [text + 3 * gap + int(font.getlength(names[i])) for i in present]
    width = max(picture.width, max(widths) + 2 * gap)
    spots, x, y = [], gap, gap
    for item in widths:
        if x + item > width and x > gap:
            x, y = gap, y + text + gap
        spots.append((x, y + picture.height))
        x += item
    canvas = Image.new("RGB", (width, picture.height + y + text + gap), PAPER)
    canvas.paste(picture, (0, 0))
    draw = ImageDraw.Draw(canvas)
    for i, (x, y) in zip(present, spots, strict=True):
        box = (x, y, x + text, y + text)
        draw.rectangle(box, fill=tuple(colours[i]), outline=INK)
        place = (x + text + gap, y + text // 2)
        draw.text(place, names[i], fill=INK, font=font, anchor="lm")
    return canvas


def shares(ids, sidecar):
    """Share and name of each class that is present, largest first."""
    counts = np.bincount(ids.ravel(), minlength=sidecar["num_classes"])
    pairs = zip(counts / ids.size, names_of(sidecar), strict=True)
    return sorted((pair for pair in pairs if pair[0] > 0), reverse=True)


def names_of(sidecar):
    """The names of the classes, or numbers where there are none."""
    numbers = [f"class {i}" for i in range(sidecar["num_classes"])]
    return sidecar["class_names"] or numbers


def voc_colours(num_classes):
    """The Pascal VOC colours, for files without a palette."""
    return [
        [
            sum((i >> (3 * bit + c) & 1) << (7 - bit) for bit in range(8))
            for c in range(3)
        ]
        for i in range(num_classes)
    ]


if __name__ == "__main__":
    sys.exit(main())
