"""Time of the layers of the decoders, each over what it stands in for.

    python benchmarks/decoder_layers.py

`GlobalInterpolation` over a bilinear resize to the same size: 11 classes from
stride 32 and from stride 8 to 352 x 480. Goal: at most 1.2 in ONNX Runtime
and in TensorFlow.

`DLC` over ASPP, four dilated 3x3 convolutions side by side (rates 6, 12, 18,
24, 256 channels each, batch normalization and ReLU), on the map that the
reference has: 60 x 60 cells of 1,024 channels. Goal: under 1.

`PixelDCL` and `IPixelDCL` over a transposed convolution of 6 x 6 and stride
2, which sees as much: one training step of the same U-Net, of the reference
with 32 channels on 2 images of 128 x 128, and of the light one of the zoo on
4 images of 320 x 320. Goal for `PixelDCL`: at most 1.1.

Layers are exported by `kerasseg.export` and run in ONNX Runtime and LiteRT;
in TensorFlow they run as a `tf.function`. Runtimes follow one another, so that
none disturbs the next. `--parts` leaves some out.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import timing

CLASSES = 11
IMAGE_SIZE = (352, 480)
STRIDES = (32, 8)
ASPP_FILTERS, ASPP_RATES = 256, (6, 12, 18, 24)
CONTEXT_SHAPE = (60, 60, 1024)
UPSAMPLINGS = {
    "transposed 6x6": {"upsampling": "deconv", "kernel_size": 6},
    "PixelDCL": {"upsampling": "pixel_dcl"},
    "IPixelDCL": {"upsampling": "ipixel_dcl"},
}
# Calls a turn. Where a call takes a millisecond or two, as an interpolation
# does, a few take longer than they should, until sleeping threads are awake.
REPEATS = {"interpolation": 30, "context": 3, "training": 3}
RUNTIMES = {
    "onnx": "ONNX Runtime",
    "tensorflow": "TensorFlow",
    "litert": "LiteRT",
}


def on_map(stride, layer):
    """A model of one layer on scores of a stride.

    They are averages of those at the finest stride, for next to nothing:
    exported models take no map as small as that of stride 32.
    """
    import keras

    finest = min(STRIDES)
    shape = (*(n // finest for n in IMAGE_SIZE), CLASSES)
    x = inputs = keras.Input(shape)
    if stride > finest:
        x = keras.layers.AveragePooling2D(stride // finest)(x)
    return keras.Model(inputs, layer(x))


def interpolations():
    """Models to compare, by comparison: the layer first, then its base."""
    import keras

    from kerasseg.layers import GlobalInterpolation

    found = {}
    for stride in STRIDES:
        layers = (
            GlobalInterpolation(IMAGE_SIZE),
            keras.layers.UpSampling2D(stride, interpolation="bilinear"),
        )
        found[f"GlobalInterpolation, stride {stride}"] = tuple(
            on_map(stride, layer) for layer in layers
        )
    return found


def contexts():
    """As `interpolations`, for DLC and ASPP."""
    import keras

    from kerasseg.layers import DLC

    inputs = keras.Input(CONTEXT_SHAPE)
    branches = []
    for rate in ASPP_RATES:
        x = keras.layers.Conv2D(
            ASPP_FILTERS, 3, padding="same", dilation_rate=rate, use_bias=False
        )(inputs)
        x = keras.layers.BatchNormalization()(x)
        branches.append(keras.layers.ReLU()(x))
    aspp = keras.Model(inputs, keras.layers.Concatenate()(branches))
    dlc = keras.Model(inputs, DLC()(inputs))
    return {"DLC, over ASPP": (dlc, aspp)}


def open_layers(comparisons, folder, threads):
    """Functions to time by comparison, runtime and whether it is the base."""
    import runners

    from kerasseg import export

    found = {}
    for name, models in comparisons.items():
        for is_base, model in enumerate(models):
            onnx, litert = folder / "layer.onnx", folder / "layer.tflite"
            export.to_onnx(model, onnx)
            export.to_litert(model, litert)
            runs = {
                "onnx": runners.onnx_runner(onnx, threads),
                "tensorflow": runners.tensorflow_runner(model),
                "litert": runners.litert_runner(litert, threads),
            }
            for runtime, run in runs.items():
                found[name, runtime, bool(is_base)] = run
    return found


def in_each_runtime(found, rounds, repeats):
    """Takes turns within a runtime, then within the next."""
    seconds = {}
    for this in RUNTIMES:
        runs = {key: run for key, run in found.items() if key[1] == this}
        seconds |= timing.in_turns(runs, rounds, repeats)
    return {key: seconds[key] for key in found}


def open_unets():
    """Functions that train one step, by U-Net and upsampling."""
    import keras
    import subjects

    import kerasseg

    forms = {
        "Reference U-Net": (2, (128, 128), None, 32),
        "light U-Net": (4, (320, 320), "mobilenet_v2", None),
    }
    found = {}
    for form, (batch, size, backbone, filters) in forms.items():
        for upsampling, arguments in UPSAMPLINGS.items():
            keras.utils.set_random_seed(0)
            model = kerasseg.models.pixel_dcl_unet(
                CLASSES,
                backbone and getattr(kerasseg.backbones, backbone)(),
                filters=filters,
                **arguments,
            )
            model.compile("adam", kerasseg.losses.SegmentationLoss())
            found[form, upsampling] = subjects.training_step(model, batch, size)
    return found


def print_layers(seconds):
    """The table of the layers: a row a comparison and runtime."""
    results, rows = [], []
    for name, runtime, is_base in seconds:
        if is_base:
            continue
        times = seconds[name, runtime, False], seconds[name, runtime, True]
        over = timing.ratio(*times)
        cells = [timing.median_and_min(taken) for taken in times]
        rows.append([name, RUNTIMES[runtime], *cells, f"{over:.2f}"])
        results.append(result(times, over, layer=name, runtime=runtime))
    header = ["ms: median (min)", "runtime", "the layer", "its base", "ratio"]
    timing.print_table(header, rows)
    return results


def print_unets(seconds):
    """The table of training steps: a row a U-Net and upsampling."""
    base = next(iter(UPSAMPLINGS))
    results, rows = [], []
    for (form, upsampling), taken in seconds.items():
        times = taken, seconds[form, base]
        over = timing.ratio(*times)
        cell = timing.median_and_min(taken)
        rows.append([form, upsampling, cell, f"{over:.2f}"])
        results.append(result(times, over, unet=form, upsampling=upsampling))
    header = ["training step", "upsampling", "ms: median (min)", "ratio"]
    timing.print_table(header, rows)
    return results


def result(times, over, **names):
    """One record of the JSON file."""
    medians = [1000 * statistics.median(taken) for taken in times]
    return {**names, "ms": medians[0], "base_ms": medians[1], "ratio": over}


def main():
    parts = {"interpolation": interpolations, "context": contexts}
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--parts", nargs="+", choices=[*parts, "training"], metavar="PART"
    )
    timing.add_arguments(parser, rounds=30)
    args = parser.parse_args()
    timing.set_up(args.threads)
    chosen = args.parts or [*parts, "training"]

    before = timing.machine()
    results = {}
    for part, make in parts.items():
        if part not in chosen:
            continue
        with tempfile.TemporaryDirectory() as folder:
            found = open_layers(make(), Path(folder), args.threads)
            seconds = in_each_runtime(found, args.rounds, REPEATS[part])
        results[part] = print_layers(seconds)
        print()
    if "training" in chosen:
        found = open_unets()
        seconds = timing.in_turns(
            found, args.rounds, REPEATS["training"], pause=0.3
        )
        results["training"] = print_unets(seconds)
    timing.write_json(args.json, before, args, results=results)


if __name__ == "__main__":
    main()
