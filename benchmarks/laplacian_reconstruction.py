"""Time of the reconstruction layer alone, over its ideal.

    python benchmarks/laplacian_reconstruction.py

The layer at the finest level of a 352 x 480 image with 11 classes and 10
bases: coefficients (1, 88, 120, 110) to (1, 352, 480, 11). The ideal has the
same multiply-adds and the same output: one matrix product
(88 * 120, 110) x (110, 64), the first 11 columns of which one bilinear resize
brings to the size of the image. Both are exported by `kerasseg.export` and
run in ONNX Runtime and LiteRT; in TensorFlow both run as the function that a
SavedModel holds. Goal: at most 1.5 in ONNX Runtime and in TensorFlow.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import timing

CLASSES, BASES, STRIDES = 11, 10, 4
HEIGHT, WIDTH = 88, 120
CHANNELS = CLASSES * BASES
PIXELS = (2 * STRIDES) ** 2
RUNTIMES = {
    "onnx": "ONNX Runtime",
    "tensorflow": "TensorFlow",
    "litert": "LiteRT",
}


def the_layer():
    """A model of the layer alone, and the layer."""
    import keras

    from kerasseg.layers import LaplacianReconstruction

    inputs = keras.Input((HEIGHT, WIDTH, CHANNELS))
    layer = LaplacianReconstruction(CLASSES, BASES, STRIDES)
    return keras.Model(inputs, layer(inputs)), layer


def the_ideal():
    """A model of one matrix product and one resize."""
    import keras
    from keras import ops

    class Ideal(keras.layers.Layer):
        def build(self, input_shape):
            self.kernel = self.add_weight(
                shape=(CHANNELS, PIXELS), name="kernel"
            )

        def call(self, inputs):
            rows = ops.reshape(inputs, (-1, CHANNELS))
            product = ops.matmul(rows, self.kernel)
            product = ops.reshape(product, (-1, HEIGHT, WIDTH, PIXELS))
            return ops.image.resize(
                product[..., :CLASSES],
                (STRIDES * HEIGHT, STRIDES * WIDTH),
                interpolation="bilinear",
                data_format="channels_last",
            )

    inputs = keras.Input((HEIGHT, WIDTH, CHANNELS))
    return keras.Model(inputs, Ideal()(inputs))


def open_all(folder, threads):
    """Functions to time, by runtime and name; also the layer."""
    import keras
    import runners

    from kerasseg import export

    keras.utils.set_random_seed(0)
    model, layer = the_layer()
    found = {}
    for name, subject in {"layer": model, "ideal": the_ideal()}.items():
        export.to_onnx(subject, folder / f"{name}.onnx")
        export.to_litert(subject, folder / f"{name}.tflite")
        found["onnx", name] = runners.onnx_runner(
            folder / f"{name}.onnx", threads
        )
        found["tensorflow", name] = runners.tensorflow_runner(subject)
        found["litert", name] = runners.litert_runner(
            folder / f"{name}.tflite", threads
        )
    return found, layer


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--repeats", type=int, default=5, help="calls a turn, default 5"
    )
    timing.add_arguments(parser, rounds=30)
    args = parser.parse_args()
    timing.set_up(args.threads)

    with tempfile.TemporaryDirectory() as folder:
        found, layer = open_all(Path(folder), args.threads)
        before = timing.machine()
        seconds = timing.in_turns(found, args.rounds, args.repeats)
    results, rows = [], []
    for runtime, title in RUNTIMES.items():
        times = seconds[runtime, "layer"], seconds[runtime, "ideal"]
        over = timing.ratio(*times)
        cells = [timing.median_and_min(taken) for taken in times]
        rows.append([title, *cells, f"{over:.2f}"])
        medians = [1000 * statistics.median(taken) for taken in times]
        results.append(
            {
                "runtime": runtime,
                "layer_ms": medians[0],
                "ideal_ms": medians[1],
                "ratio": over,
            }
        )
    timing.print_table(
        ["ms: median (min)", "the layer", "its ideal", "ratio"], rows
    )
    counts = layer.multiply_adds(HEIGHT, WIDTH)
    print()
    timing.print_table(
        ["multiply-adds", "million", "over the ideal"],
        [
            [name, f"{count / 1e6:.1f}", f"{count / counts['ideal']:.2f}"]
            for name, count in counts.items()
        ],
    )
    timing.write_json(
        args.json, before, args, results=results, multiply_adds=counts
    )


if __name__ == "__main__":
    main()
