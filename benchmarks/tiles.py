"""Memory and rate of prediction in tiles, on a TIFF file of any size.

    python benchmarks/tiles.py lrr_4x --size 20000x20000 --memory 2147483648

Writes a TIFF file of noise, reads it by rows, predicts its mask in tiles and
writes that by rows. Prints the peak of the resident memory above what the
process held before, and the time per pixel; that of a whole image without
tiles, from file to file too, is measured on one that fits. Processor seconds,
of all threads, are what a machine with other work to do can compare. `thin` is
a model of three convolutions, to measure what tiles cost by themselves.
"""

import argparse
import math
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

import kerasseg
from kerasseg.inference.tile_plan import plan_tiles

CLASSES = 11
# Of the whole image, which takes no time beside the tiles.
ROUNDS = 5


def main():
    """Measures one model and prints a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("entry", help="an entry of the zoo, or thin")
    parser.add_argument("--size", default="20000x20000", help="HxW")
    parser.add_argument("--whole", default="2048x2048", help="HxW, untiled")
    parser.add_argument("--memory", type=int, default=2 << 30)
    parser.add_argument("--overlap", type=int)
    parser.add_argument("--tile", help="HxW")
    args = parser.parse_args()
    model = thin() if args.entry == "thin" else kerasseg.zoo.load(args.entry)
    options = {"overlap": args.overlap, "memory": args.memory}
    if args.tile:
        options["tile_shape"] = sides(args.tile)
    with tempfile.TemporaryDirectory() as folder:
        tiles = report_tiles(model, sides(args.size), options, Path(folder))
        if args.whole != "0x0":
            report_whole(model, sides(args.whole), tiles, Path(folder))


def report_tiles(model, size, options, folder):
    """Prints the memory and the time per pixel of tiles, which it returns."""
    image, mask = folder / "image.tif", folder / "mask.tif"
    write_noise(image, *size)
    # What the runtime takes for itself is in the first prediction.
    kerasseg.inference.predict_mask(model, noise(64, 96))
    before = resident()
    reset_peak()
    plan = plan_tiles(model, (*size, 3), **options)
    # Traces the model, which the whole image does not pay for either.
    model.predict_on_batch(np.zeros((1, *plan.tile_shape, 3), "float32"))
    start = clocks()
    predict(model, image, mask, options)
    tiles = per_pixel(start, size)
    print(f"peak above the model: {(peak() - before) / 2**20:.0f} MiB")
    print(f"mask: {mask.stat().st_size / 2**20:.0f} MiB")
    print("tiles: {:.3f} us a pixel, {:.3f} of processors".format(*tiles))
    seen = len(plan.rows) * len(plan.columns) * math.prod(plan.tile_shape)
    print(f"a pixel is seen {seen / math.prod(size):.2f} times")
    return tiles


def report_whole(model, size, tiles, folder):
    """Prints the time per pixel without tiles, and the ratio."""
    image, mask = folder / "whole.tif", folder / "whole_mask.tif"
    write_noise(image, *size)
    predict(model, image, mask)
    times = []
    for _ in range(ROUNDS):
        start = clocks()
        predict(model, image, mask)
        times.append(per_pixel(start, size))
    whole = np.median(times, axis=0)
    print("whole: {:.3f} us a pixel, {:.3f} of processors".format(*whole))
    print(f"rate of tiles: {whole[1] / tiles[1]:.2f} of the whole image's")


def predict(model, image, mask, options=None):
    """From the file of an image to that of its mask; in tiles by `options`."""
    inference = kerasseg.inference
    palette = kerasseg.data.default_palette(CLASSES)
    with (
        inference.open_raster(image) as source,
        inference.mask_raster(mask, source.shape[:2], palette) as target,
    ):
        if options is None:
            pixels = source.read(0, source.shape[0])
            target.write(inference.predict_mask(model, pixels).astype("uint8"))
        else:
            inference.predict_tiled(model, source, target, **options)


def thin():
    """Three convolutions at stride 8, and a bilinear upsampling."""
    import keras

    x = pixels = keras.Input((None, None, 3))
    for filters in (4, 8, CLASSES):
        x = keras.layers.Conv2D(filters, 3, 2, padding="same")(x)
    x = kerasseg.layers.BilinearUpSampling2D(8)(x)
    return keras.Model(pixels, x)


def noise(height, width, seed=0):
    """A `uint8` image of noise in patches, `(height, width, 3)`."""
    rng = np.random.default_rng(seed)
    shape = (-(-height // 8), -(-width // 8), 3)
    patches = rng.integers(0, 256, shape, dtype="uint8")
    return patches.repeat(8, 0).repeat(8, 1)[:height, :width]


def write_noise(path, height, width, rows=256):
    """A tiled TIFF file, written by rows."""
    import rasterio

    options = {"tiled": True, "compress": "lzw", "crs": "EPSG:32632"}
    transform = rasterio.Affine(0.25, 0, 500_000, 0, -0.25, 5_200_000)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=height,
        width=width,
        count=3,
        dtype="uint8",
        transform=transform,
        **options,
    ) as dataset:
        for top in range(0, height, rows):
            count = min(rows, height - top)
            planes = noise(count, width, seed=top).transpose(2, 0, 1)
            window = ((top, top + count), (0, width))
            dataset.write(planes, window=window)


def sides(text):
    """`(height, width)` from "HxW"."""
    return tuple(int(side) for side in text.split("x"))


def clocks():
    """Seconds on the wall, and of all processors for this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), used.ru_utime + used.ru_stime


def per_pixel(start, size):
    """Microseconds per pixel since `start`, on both clocks."""
    return [
        1e6 * (now - then) / math.prod(size)
        for now, then in zip(clocks(), start, strict=True)
    ]


def resident():
    """Bytes that the process holds now."""
    return status("VmRSS")


def peak():
    """The most bytes that the process held since `reset_peak`."""
    return status("VmHWM")


def reset_peak():
    """Lets the peak be measured anew (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


def status(name):
    """A size from the process's own status (Linux), in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return 1024 * int(line.split()[1])
    raise ValueError(f"{name} is not known here")


if __name__ == "__main__":
    main()
