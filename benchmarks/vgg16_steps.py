"""How long a step of training the VGG-16 entries takes on CamVid's classes.

    python benchmarks/vgg16_steps.py --weights vgg16_hed_no_top.npz

The blocks up to pool3 are frozen, as they would be with few images; batches of
4 crops of 224 x 224. Besides the time by the clock, the time of all processor
cores is printed, which other work on the machine changes less. An epoch is 117
steps: 468 images.
"""

import argparse
import resource
import time

import keras
import numpy as np

from kerasseg import backbones
from kerasseg import models
from kerasseg.losses import SegmentationLoss
from kerasseg.training import freeze

CLASSES, BATCH, EPOCH = 11, 4, 117
FROZEN = [
    f"conv{b}_{i}" for b, n in ((1, 2), (2, 2), (3, 3)) for i in range(1, n + 1)
]
# Means of the edge detector's training.
MEAN = (122.67892, 116.66877, 104.00699)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", help="default: random")
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--steps", type=int, default=4)
    args = parser.parse_args()
    print(
        "| entry | seconds a step | of all cores | hours for 30 epochs on "
        "two cores | memory |"
    )
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, build in (("fcn_8s_vgg16", fcn), ("lrr_4x_vgg16", lrr)):
        wall, cores = measure(build(args.weights), args)
        hours = 30 * EPOCH * cores / 2 / 3600
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"| `{name}` | {wall:.1f} | {cores:.1f} | {hours:.1f} | "
            f"{peak:.1f} GiB |",
            flush=True,
        )
        keras.backend.clear_session()


def fcn(weights):
    """FCN-8s that is trained in one stage, with frozen first blocks."""
    backbone = backbones.vgg16(taps="pool", weights=weights, mean=MEAN)
    freeze(backbone, FROZEN)
    return models.fcn(CLASSES, backbone, at_once=True)


def lrr(weights):
    """LRR-4x of the paper with frozen first blocks."""
    backbone = backbones.vgg16(weights=weights, mean=MEAN)
    freeze(backbone, FROZEN)
    return models.lrr(CLASSES, backbone, head="paper")


def measure(model, args):
    """The seconds of a step, by the clock and of all cores.

    Args:
        model: The model.
        args: The arguments of the command.

    Returns:
        Two medians.
    """
    rng = np.random.default_rng(0)
    size = (BATCH, args.side, args.side)
    images = rng.uniform(0, 255, (*size, 3)).astype("float32")
    masks = rng.integers(0, CLASSES, size)
    model.compile(keras.optimizers.SGD(1e-4, momentum=0.9), SegmentationLoss())
    model.train_on_batch(images, masks)
    times = []
    for _ in range(args.steps):
        wall, cores = time.perf_counter(), time.process_time()
        model.train_on_batch(images, masks)
        times.append((time.perf_counter() - wall, time.process_time() - cores))
    return np.median(times, axis=0)


if __name__ == "__main__":
    main()
