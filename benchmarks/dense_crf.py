"""What a dense CRF does for a model: parameters, scores and time.

The parameters of `kerasseg.inference.DenseCRF` are searched on images of the
validation split, one after the other around the best so far. What comes out is
scored once on the test images, beside the model alone.

    python benchmarks/dense_crf.py --out build/dense_crf.json
"""

import argparse
import dataclasses
import time

import numpy as np

import kerasseg
from kerasseg import inference
from kerasseg.files import atomic_json
from kerasseg.inference.whole_image import softmax
from kerasseg.metrics.scores import confusion_matrix
from kerasseg.metrics.scores import scores
from kerasseg.training.evaluate import evaluate

START = inference.DenseCRF(3.0, 50.0, 10.0, 1.0, 3.0, 5)
CHOICES = {
    "appearance_rgb": (3.0, 5.0, 10.0, 20.0),
    "appearance_xy": (15.0, 30.0, 50.0, 80.0),
    "appearance": (0.5, 1.0, 2.0, 3.0, 5.0),
    "smoothness": (0.0, 0.5, 1.0, 3.0),
}


def main():
    """Searches, scores and writes the results."""
    args = parse()
    model = kerasseg.zoo.load(args.entry)
    validation = kerasseg.data.load(args.data, "val")
    samples = predicted(model, validation, args.every)
    labels = validation.labels
    tried = [("none", None, mean_iou(None, samples, labels))]
    crf = START
    for name, values in CHOICES.items():
        found = [dataclasses.replace(crf, **{name: value}) for value in values]
        for one in found:
            tried.append((name, one, mean_iou(one, samples, labels)))
            print(f"{100 * tried[-1][2]:.2f}  {one}", flush=True)
        crf = max(tried[1:], key=lambda item: item[2])[1]
    result = {
        "entry": args.entry,
        "validation_images": len(samples),
        "tried": [
            {"crf": crf and dataclasses.asdict(crf), "mean_iou": score}
            for _, crf, score in tried
        ],
        "chosen": dataclasses.asdict(crf),
        **test_scores(model, args.data, crf),
    }
    atomic_json(args.out, result)


def parse():
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entry", default="lrr_4x")
    parser.add_argument("--data", default="camvid")
    parser.add_argument("--every", type=int, default=5)
    parser.add_argument("--out", required=True)
    return parser.parse_args()


def predicted(model, dataset, every):
    """Images, masks and probabilities of every so manieth sample."""
    found = []
    for index in range(0, len(dataset), every):
        image, mask = dataset[index]
        logits = inference.predict_logits(model, image)
        found.append((image, mask, softmax(logits)))
    return found


def mean_iou(crf, samples, labels):
    """The mean IoU of samples after a CRF, or without one."""
    matrix = 0
    for image, mask, given in samples:
        found = given if crf is None else crf.refine(image, given)
        matrix = matrix + confusion_matrix(
            mask, found.argmax(-1), labels.num_classes, labels.ignore_classes
        )
    return float(scores(matrix, ignored=labels.ignore_classes)["mean_iou"])


def test_scores(model, data, crf):
    """The scores of the test images without and with a CRF, and its time."""
    dataset = kerasseg.data.load(data, "test")
    taken = []

    def refined(model, image):
        start = time.perf_counter()
        mask = inference.predict_mask_crf(model, image, crf)
        middle = time.perf_counter()
        inference.predict_mask(model, image)
        taken.append(2 * middle - start - time.perf_counter())
        return mask

    names = ("mean_iou", "pixel_accuracy", "boundary_iou", "boundary_f1")
    arguments = {"labels": dataset.labels, "boundaries": True}
    alone = evaluate(model, dataset, **arguments)
    with_crf = evaluate(model, dataset, predict=refined, **arguments)
    return {
        "test_images": len(dataset),
        "alone": {name: alone[name] for name in names},
        "with_crf": {name: with_crf[name] for name in names},
        "seconds_per_image": float(np.median(taken)),
    }


if __name__ == "__main__":
    main()
