"""Time of the confusion matrix of a batch, beside that of Keras.

    python benchmarks/metrics.py

`kerasseg.metrics.MeanIoU` and `keras.metrics.MeanIoU(sparse_y_pred=False)`,
which takes the argmax too, on the logits of one image of 512x1024 and 19
classes with void; called at once, and inside of a compiled function as in
`model.evaluate`. They take turns, and both must find the same matrix, to the
pixel. Goal: at least 5 times as fast.
"""

import argparse
import sys

import timing


def batch(size, classes):
    """Labels, a tenth of them void, and random logits."""
    import numpy as np
    import tensorflow as tf

    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, (1, *size)).astype("int32")
    labels[rng.random(labels.shape) < 0.1] = 255
    logits = rng.normal(size=(1, *size, classes)).astype("float32")
    return tf.constant(labels), tf.constant(logits)


def metrics(classes):
    """The two metrics, new, by name."""
    import keras

    from kerasseg.metrics import MeanIoU

    return {
        "keras": keras.metrics.MeanIoU(
            classes, ignore_class=255, sparse_y_pred=False
        ),
        "kerasseg": MeanIoU(classes),
    }


def counter(metric, update, *batch):
    """A function that counts a batch and waits until that is done."""

    def run():
        update(*batch)
        for variable in metric.variables:
            variable.numpy()

    return run


def subjects_of(labels, logits, classes):
    """Functions that count the batch once, by name."""
    import tensorflow as tf

    subjects = {}
    for way in ("at once", "in a graph"):
        for name, metric in metrics(classes).items():
            update = metric.update_state
            if way == "in a graph":
                update = tf.function(update, autograph=False)
            run = counter(metric, update, labels, logits)
            subjects[f"{name}, {way}"] = run
    return subjects


def check_equal(labels, logits, classes):
    """Ends the script unless both count the same."""
    found = metrics(classes)
    for metric in found.values():
        metric.update_state(labels, logits)
    theirs = found["keras"].total_cm.numpy()
    if (theirs != found["kerasseg"].matrix()).any():
        sys.exit("the two matrices differ")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--size",
        nargs=2,
        type=int,
        default=(512, 1024),
        metavar=("H", "W"),
        help="default 512 1024",
    )
    parser.add_argument("--classes", type=int, default=19, help="default 19")
    timing.add_arguments(parser, rounds=10)
    args = parser.parse_args()
    timing.set_up(args.threads)
    labels, logits = batch(args.size, args.classes)
    check_equal(labels, logits, args.classes)
    before = timing.machine()
    seconds = timing.in_turns(
        subjects_of(labels, logits, args.classes), args.rounds, repeats=3
    )
    rows, results = [], []
    for name, taken in seconds.items():
        base = seconds["keras," + name.partition(",")[2]]
        times = timing.ratio(base, taken)
        rows.append([name, timing.median_and_min(taken), f"{times:.1f}"])
        results.append({"what": name, "seconds": taken, "times": times})
    timing.print_table(["mean IoU", "ms, median (min)", "over keras"], rows)
    timing.write_json(args.json, before, args, results=results)


if __name__ == "__main__":
    main()
