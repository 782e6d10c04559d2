"""Segment an image with a TensorRT engine that was built from an ONNX file.

    python segment.py street.onnx street.jpg --engine street.engine

Needs TensorRT 10 or newer, cuda-python, numpy and pillow, and an NVIDIA GPU.
Untested: see README.md.
"""

import argparse
import hashlib
import json
import statistics
import struct
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image
from PIL import ImageDraw
from PIL import ImageFont
from PIL import ImageOps

NEEDS = "tensorrt cuda-python numpy pillow"
SMALLEST = 32
PAPER = (250, 250, 248)
INK = (28, 28, 30)


def parse():
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", help="the .onnx file; FILE.json lies beside it")
    parser.add_argument("image", help="an image of any size")
    parser.add_argument("--engine", required=True, help="what build.sh wrote")
    parser.add_argument("--out", default="overlay.png", help="the overlay")
    parser.add_argument("--mask", help="also write the class ids, as a PNG")
    parser.add_argument("--tiles", action="store_true", help="do not shrink it")
    parser.add_argument("--runs", type=int, default=10, help="runs to time")
    return parser.parse_args()


def open_model(args, sidecar):
    """A function from pixels to the output, and the runtime's name."""
    import tensorrt
    from cuda.bindings import runtime as cuda

    runtime = tensorrt.Runtime(tensorrt.Logger(tensorrt.Logger.WARNING))
    engine = runtime.deserialize_cuda_engine(Path(args.engine).read_bytes())
    if engine is None:
        raise ValueError(f"TensorRT {tensorrt.__version__} needs a new engine")
    context = engine.create_execution_context()
    stream = checked(cuda.cudaStreamCreate())
    source, target = sidecar["input"]["name"], sidecar["output"]["name"]
    result = np.empty(
        tuple(engine.get_tensor_shape(target)),
        tensorrt.nptype(engine.get_tensor_dtype(target)),
    )
    volume = tensorrt.volume(engine.get_tensor_shape(source))
    width = np.dtype(tensorrt.nptype(engine.get_tensor_dtype(source))).itemsize
    entrance = checked(cuda.cudaMalloc(volume * width))
    outlet = checked(cuda.cudaMalloc(result.nbytes))
    context.set_tensor_address(source, entrance)
    context.set_tensor_address(target, outlet)
    kind = cuda.cudaMemcpyKind

    def copy(to, start, size, direction):
        checked(cuda.cudaMemcpyAsync(to, start, size, direction, stream))

    def run(pixels, _keep_alive=(runtime, engine)):
        if pixels.nbytes != volume * width:
            raise ValueError("the engine was built from another ONNX file")
        there, back = kind.cudaMemcpyHostToDevice, kind.cudaMemcpyDeviceToHost
        copy(entrance, pixels.ctypes.data, pixels.nbytes, there)
        if not context.execute_async_v3(int(stream)):
            raise RuntimeError("TensorRT could not run the engine")
        copy(result.ctypes.data, outlet, result.nbytes, back)
        checked(cuda.cudaStreamSynchronize(stream))
        return result

    return run, f"TensorRT {tensorrt.__version__}, with the copies"


def checked(answer):
    """The value that a CUDA function returned beside its error code."""
    error, *values = answer
    if int(error):
        raise RuntimeError(f"CUDA failed: {error}")
    return values[0] if values else None


# From here on, the programs for the other runtimes are the same.


def main():
    """Reads file, sidecar and image; writes overlay, shares and latency."""
    args = parse()
    try:
        sidecar = read_sidecar(args.file)
        image = read_image(args.image, channels_of(sidecar["input"]))
        run, runtime = open_model(args, sidecar)
        pixels = prepare(image, sidecar["input"])
        output, latency = timed(run, pixels, args.runs)
        ids = class_ids(output, sidecar["output"])
        if args.tiles:
            ids = tiled(run, image, sidecar)
        write(args, image, ids, sidecar)
    except ImportError as error:
        return fail(f"{error}. Install it with: pip install {NEEDS}")
    except Exception as error:
        return fail(error)
    show(f"{sidecar['file']}: {sidecar['format']} {sidecar['precision']}")
    if image.shape[2] not in (1, 3):
        show(f"overlay: band{'s 1, 2, 3' if image.shape[2] > 2 else ' 1'}")
    show(f"runtime: {runtime}")
    show(f"latency: {latency:.1f} ms, median of {args.runs}")
    for share, name in shares(ids, sidecar):
        show(f"{100 * share:6.1f} % {name}")
    show(f"wrote {args.out}")
    return 0


def fail(error):
    """One line on what went wrong, and the exit code."""
    text = " ".join(str(error).split()) or type(error).__name__
    show(f"segment.py: {text}", sys.stderr)
    return 2


def show(text, file=None):
    """Prints text without codes that a terminal would obey."""
    print(printable(text), file=file)


def printable(text):
    """Text on one line, with its control characters written out."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode()
        for c in str(text)
    )


def read_sidecar(path):
    """What the exporter says of the file, if it is still the same file."""
    beside = Path(f"{path}.json")
    try:
        content = b"".join(part.read_bytes() for part in parts(path))
        sidecar = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot read {path} and {beside}: {error}") from error
    try:
        check(sidecar)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{beside} cannot be used: {error}") from error
    if hashlib.sha256(content).hexdigest() != sidecar["sha256"]:
        raise ValueError(f"{beside} describes another file than {path}")
    return sidecar


def check(sidecar):
    """Refuses a sidecar that is not as an exporter wrote it."""
    if not isinstance(sidecar, dict) or sidecar.get("schema") not in (1, 2):
        schema = sidecar.get("schema") if isinstance(sidecar, dict) else sidecar
        raise ValueError(f"it has the schema {schema}")
    for name, right in rules(sidecar.get("num_classes")).items():
        value = sidecar
        for key in name.split("."):
            if not isinstance(value, dict) or key not in value:
                raise ValueError(f"{name} is missing")
            value = value[key]
        if not right(value):
            raise ValueError(f"{name} is wrong: {str(value)[:60]}")
    counts = {
        "input": channels_of(sidecar["input"]),
        "output": sidecar["num_classes"],
    }
    for end, count in counts.items():
        if not fits(sidecar[end], count):
            raise ValueError(f"{end}.shape is wrong: {sidecar[end]['shape']}")
    seal = sidecar.get("seal")
    if (sidecar["schema"] == 2 or seal) and seal != seal_of(sidecar):
        raise ValueError("one of its entries was edited")


def rules(count):
    """What an entry must be like, by its name."""

    def nothing_or(right):
        return lambda value: value is None or right(value)

    def one_of(*choices):
        return lambda value: isinstance(value, str) and value in choices

    def scale(value):
        return (
            isinstance(value, dict)
            and is_number(value.get("scale"))
            and value["scale"] > 0
            and is_whole(value.get("zero_point"), -(1 << 31), 1 << 31)
        )

    def shape(value):
        return is_list(value, lambda v: is_whole(v, 1, 1 << 15), (3, 4))

    def color(value):
        return is_list(value, lambda v: is_whole(v, 0, 255), (3,))

    dtype = one_of("float32", "float16", "uint8", "int8", "int32", "int64")
    return {
        "file": lambda value: is_text(value) and not set(value) & set("/\\"),
        "format": is_text,
        "precision": is_text,
        "sha256": is_text,
        "num_classes": lambda value: is_whole(value, 2, 1 << 16),
        "class_names": nothing_or(lambda v: is_list(v, is_text, (count,))),
        "palette": nothing_or(lambda v: is_list(v, color, (count,))),
        "input.name": is_text,
        "input.shape": lambda value: shape(value) and len(value) == 4,
        "input.layout": one_of("NHWC", "NCHW"),
        "input.dtype": dtype,
        "input.channels": lambda value: (
            value == "RGB" or is_list(value, is_text, range(1, 17))
        ),
        "input.range": lambda value: is_list(value, is_number, (2,)),
        "input.quantization": nothing_or(scale),
        "output.name": one_of("logits", "mask"),
        "output.shape": shape,
        "output.layout": one_of("NHW", "NHWC", "NCHW"),
        "output.dtype": dtype,
        "proof": lambda value: isinstance(value, dict),
    }


def channels_of(spec):
    """How many channels the images have."""
    return 3 if spec["channels"] == "RGB" else len(spec["channels"])


def fits(spec, channels):
    """Whether name, shape and layout of an input or output fit each other."""
    if len(spec["shape"]) != len(spec["layout"]):
        return False
    sizes = dict(zip(spec["layout"], spec["shape"], strict=True))
    right = sizes["N"] == 1 and sizes.get("C", channels) == channels
    return right and ("C" in sizes) == (spec["name"] != "mask")


def is_text(value):
    """Whether a value is a text with something in it."""
    return isinstance(value, str) and value != ""


def is_whole(value, least, most):
    """Whether a value is an integer between two others."""
    return type(value) is int and least <= value <= most


def is_number(value):
    """Whether a value is a number that can be computed with."""
    return type(value) in (int, float) and abs(value) < 1e9


def is_list(value, right, lengths):
    """Whether a value is a list of so many right items."""
    return (
        isinstance(value, list)
        and len(value) in lengths
        and all(right(item) for item in value)
    )


def seal_of(sidecar):
    """The hash of all entries but the seal itself."""
    rest = {key: value for key, value in sidecar.items() if key != "seal"}
    return hashlib.sha256(canonical(rest)).hexdigest()


def canonical(value):
    """A value as bytes, whatever the spaces and the order of its keys."""
    if value is None or isinstance(value, bool):
        return {None: b"n", True: b"t", False: b"f"}[value]
    if isinstance(value, int | float):
        return b"d" + struct.pack(">d", value)
    if isinstance(value, str):
        text = value.encode("utf-8", "surrogatepass")
        return b"s%d:" % len(text) + text
    if isinstance(value, dict):
        items = [part for key in sorted(value) for part in (key, value[key])]
        start = b"o%d:" % len(value)
    else:
        items, start = value, b"l%d:" % len(value)
    return start + b"".join(canonical(item) for item in items)


def parts(path):
    """The file, and the weights that OpenVINO keeps beside it."""
    path = Path(path)
    weights = [path.with_suffix(".bin")] if path.suffix == ".xml" else []
    return [path, *weights]


def read_image(path, channels=3):
    """The image as the model was trained: upright, 8 bits, its channels."""
    if Path(path).suffix.lower() == ".npy":
        bands = np.load(path, allow_pickle=False)
    else:
        with Image.open(path) as image:
            bands = bands_of(ImageOps.exif_transpose(image), channels)
    bands = eight_bits(bands, path)
    bands = bands[..., np.newaxis] if bands.ndim == 2 else bands
    if bands.ndim != 3 or min(bands.shape[:2]) < SMALLEST:
        raise ValueError(f"{path} must be at least {SMALLEST} pixels a side")
    return fitted(bands, channels, path)


def bands_of(image, channels):
    """The bands of an image in a file; alpha is one for other than RGB."""
    known = image.mode in ("1", "L", "LA", "RGB", "RGBA", "RGBX")
    if image.mode == "F" or image.mode.startswith("I"):
        return np.asarray(image)
    image.info.pop("transparency", None)
    samples = getattr(image, "tag_v2", {}).get(277, 0)
    if samples > len(image.getbands()) or image.mode == "RGBX":
        raise ValueError(f"it has {samples} bands; save them as .npy")
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))
    if channels == 1 and image.mode == "LA":
        return np.asarray(image)[..., 0]
    if channels in (1, 3) or not known:
        return np.asarray(image.convert("RGB"))
    return np.asarray(image)


def eight_bits(bands, path):
    """Values of 16 bits as 8, by dropping the low byte."""
    if bands.dtype == np.uint8:
        return bands
    if bands.dtype.kind not in "iu":
        raise ValueError(f"{path} has floats, whose range is not known")
    if bands.min() < 0 or bands.max() > 65535:
        raise ValueError(f"{path} has values beyond 16 bits")
    return (bands >> 8).astype("uint8")


def fitted(bands, channels, path):
    """Gray as RGB and RGB without colors as gray; nothing else changes."""
    count = bands.shape[2]
    if (count, channels) == (1, 3):
        return np.repeat(bands, 3, axis=2)
    if (count, channels) == (3, 1) and (bands == bands[..., :1]).all():
        return bands[..., :1]
    if count != channels:
        raise ValueError(
            f"{path} has {count} bands, and the model takes {channels}"
        )
    return bands


def resized(image, width, height):
    """The image in another size, each band for itself."""
    bands = [
        Image.fromarray(np.ascontiguousarray(band)).resize(
            (width, height), Image.Resampling.BILINEAR
        )
        for band in np.moveaxis(np.asarray(image), 2, 0)
    ]
    return np.dstack([np.asarray(band) for band in bands])


def prepare(image, spec):
    """The image in the size, range, type and layout of the input."""
    size = dict(zip(spec["layout"], spec["shape"], strict=True))
    shrunk = resized(image, size["W"], size["H"])
    low, high = spec["range"]
    pixels = low + shrunk.astype("float32") * ((high - low) / 255)
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
        return output.reshape(output.shape[1:3]).astype("int32")
    return output.argmax(spec["layout"].index("C"))[0].astype("int32")


def tiled(run, image, sidecar):
    """Class ids of an image in its own size, from overlapping tiles."""
    spec = sidecar["input"]
    side = dict(zip(spec["layout"], spec["shape"], strict=True))
    height, width, channels = image.shape
    rows, columns = starts(height, side["H"]), starts(width, side["W"])
    size = (columns[-1] + side["W"], rows[-1] + side["H"])
    canvas = np.full((*size[::-1], channels), 127, "uint8")
    canvas[:height, :width] = image
    ids = np.empty(size[::-1], "int32")
    band = np.zeros((side["H"], size[0], sidecar["num_classes"]), "float32")
    for row, top in enumerate(rows):
        for column, left in enumerate(columns):
            right = left + side["W"]
            tile = canvas[top : top + side["H"], left:right]
            output = run(prepare(tile, spec))
            weights = np.outer(
                window(rows, row, side["H"]), window(columns, column, side["W"])
            )
            scored = scores(output, sidecar, weights.shape)
            band[:, left:right] += scored * weights[..., np.newaxis]
        below = rows[row + 1] if row + 1 < len(rows) else size[1]
        ids[top:below] = band[: below - top].argmax(-1)
        band = np.concatenate([band[below - top :], 0 * band[: below - top]])
    return ids[:height, :width]


def starts(length, side):
    """Where tiles begin that share 3/16 of a side or more."""
    # On the grid of the model's coarsest features, if the tile has room.
    step = 32 if side >= 256 else 2
    steps = max(0, -(-(length - side) // step))
    most = (side - side * 3 // 16) // step
    count = -(-steps // most) + 1
    return [step * (steps * i // max(1, count - 1)) for i in range(count)]


def window(places, index, side):
    """Weights of a tile along an axis; those of two neighbors sum to 1."""
    weights = np.ones(side, "float32")
    for other in (index - 1, index + 1):
        if not 0 <= other < len(places):
            continue
        shared = side - abs(places[other] - places[index])
        # They are blended in the middle quarter of what both see.
        angles = (np.arange(shared) + 0.5 - shared * 3 / 8) / (shared / 4)
        ramp = np.sin(np.clip(angles, 0, 1) * np.pi / 2) ** 2
        if other < index:
            weights[:shared] *= ramp
        else:
            weights[side - shared :] *= ramp[::-1]
    return weights


def scores(output, sidecar, size):
    """The output as `(height, width, classes)`, in the size of a tile."""
    spec = sidecar["output"]
    output = np.asarray(output, "float32")
    if spec["name"] == "mask":
        ids = class_ids(output, spec)
        output = np.eye(sidecar["num_classes"], dtype="float32")[ids]
    else:
        output = np.moveaxis(output, spec["layout"].index("C"), -1)[0]
    rows, columns = (
        np.arange(n) * m // n
        for n, m in zip(size, output.shape[:2], strict=True)
    )
    return output[rows][:, columns]


def write(args, image, ids, sidecar):
    """Writes the overlay and, if asked, the mask, in the image's size."""
    size = (image.shape[1], image.shape[0])
    large = Image.fromarray(ids).resize(size, Image.Resampling.NEAREST)
    colors = sidecar["palette"] or voc_colors(sidecar["num_classes"])
    ids, names = np.asarray(large), names_of(sidecar)
    overlay(image, ids, names, colors).save(args.out)
    if not args.mask:
        return
    # A PNG file has 8 bits with a palette, and 16 without one.
    few = len(colors) <= 256
    mask = Image.fromarray(ids.astype("uint8" if few else "uint16"))
    if few:
        mask.putpalette(np.asarray(colors, "uint8").tobytes())
    mask.save(args.mask)


def overlay(image, ids, names, colors):
    """The image half covered by class colors, above their legend.

    Of many bands the first three are shown, of two the first.
    """
    tinted = np.asarray(colors)[ids]
    shown = np.asarray(image)
    shown = shown[..., :3] if shown.shape[2] > 2 else shown[..., :1]
    blended = 0.5 * shown + 0.5 * tinted + 0.5
    image = Image.fromarray(np.clip(blended, 0, 255).astype("uint8"))
    text = min(32, max(12, image.width // 32))
    font = ImageFont.load_default(text)
    gap = text // 2
    present = [int(i) for i in np.unique(ids)]
    widths = [text + 3 * gap + int(font.getlength(names[i])) for i in present]
    width = max(image.width, max(widths) + 2 * gap)
    spots, x, y = [], gap, gap
    for item in widths:
        if x + item > width and x > gap:
            x, y = gap, y + text + gap
        spots.append((x, y + image.height))
        x += item
    canvas = Image.new("RGB", (width, image.height + y + text + gap), PAPER)
    canvas.paste(image, (0, 0))
    draw = ImageDraw.Draw(canvas)
    for i, (x, y) in zip(present, spots, strict=True):
        box = (x, y, x + text, y + text)
        draw.rectangle(box, fill=tuple(colors[i]), outline=INK)
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
    return [printable(name) for name in sidecar["class_names"] or numbers]


def voc_colors(num_classes):
    """The Pascal VOC colors, for files without a palette."""
    return [
        [
            sum((i >> (3 * bit + c) & 1) << (7 - bit) for bit in range(8))
            for c in range(3)
        ]
        for i in range(num_classes)
    ]


if __name__ == "__main__":
    sys.exit(main())
