"""How published scores were measured, and the scores.

Light: imports nothing of Keras.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from kerasseg import papers

_FCN_CODE = "https://github.com/shelhamer/fcn.berkeleyvision.org"
_MS = "scales 0.6, 0.8 and 1.0, maximum: --scales 0.6 0.8 1 --fuse max"
_MS_CRF = f"{_MS}; then a CRF"


@dataclass(frozen=True)
class Published:
    """A published row.

    Args:
        method: What was measured, as its authors call it.
        scores: Percentages by the names that `evaluate` gives its scores.
        source: Where the row stands.
        remark: How it differs from the plain protocol. Defaults to `""`.
    """

    method: str
    scores: Mapping[str, float]
    source: str
    remark: str = ""


@dataclass(frozen=True)
class Protocol:
    """Data, split and prediction that published rows have in common.

    Args:
        name: Name on the command line.
        title: Title for people.
        data: Dataset, see `kerasseg.data.load`.
        split: Split that is scored.
        rows: The published rows.
        final_score: Whether the mean of pixel accuracy and mean IoU is a
            score of its own, as in the ADE20K challenge. Defaults to `False`.
        halves: Whether the left and the right part of an image are predicted
            apart, see `kerasseg.inference.predict_mask_halves`. Defaults to
            `False`.
        note: What to know before comparing. Defaults to `""`.
    """

    name: str
    title: str
    data: str
    split: str
    rows: tuple[Published, ...]
    final_score: bool = False
    halves: bool = False
    note: str = ""


def _miou(method, value, source, remark=""):
    return Published(method, {"mean_iou": value}, source, remark)


def _fcn(method, *values):
    names = ("pixel_accuracy", "mean_accuracy", "mean_iou")
    names += ("frequency_weighted_iou",)
    return Published(method, dict(zip(names, values, strict=True)), papers.FCN)


def _guided(depth, mean_iou, accuracy, final, remark=""):
    scores = {"mean_iou": mean_iou, "pixel_accuracy": accuracy}
    scores["final_score"] = final
    method = f"guided DUC + DLC, {depth}"
    return Published(method, scores, papers.GUIDED, remark)


_SEVERAL = "several scales, which the paper does not name"

PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "voc2011",
            "Pascal VOC 2011, the 736 images of val outside of SBD's train",
            "voc",
            "seg11valid",
            (
                _fcn("FCN-32s", 89.1, 73.3, 59.4, 81.4),
                _fcn("FCN-16s", 90.0, 75.7, 62.4, 83.0),
                _fcn("FCN-8s", 90.3, 75.9, 62.7, 83.2),
                _miou("FCN-32s, released", 63.6, _FCN_CODE),
                _miou("FCN-16s, released", 65.0, _FCN_CODE),
                _miou("FCN-8s, released", 65.5, _FCN_CODE),
                _miou("LRR-4x(32x), VGG-16", 68.8, papers.LRR),
                _miou("LRR-4x(16x), VGG-16", 70.0, papers.LRR),
                _miou("LRR-4x(8x), VGG-16", 70.9, papers.LRR),
                _miou("LRR-4x, VGG-16", 71.1, papers.LRR),
                _miou("LRR-4x-ms, VGG-16", 73.6, papers.LRR, _MS),
                _miou("LRR-4x-ms-crf, VGG-16", 74.6, papers.LRR, _MS_CRF),
                _miou("LRR-4x, VGG-16, COCO", 75.1, papers.LRR),
                _miou("LRR-4x, ResNet-101, COCO", 78.4, papers.LRR),
                _miou("LRR-4x-ms, ResNet-101, COCO", 79.2, papers.LRR, _MS),
            ),
            note="The parameters of the CRF of LRR were not published.",
        ),
        Protocol(
            "voc2012",
            "Pascal VOC 2012, val",
            "voc",
            "val",
            (
                _miou("FCN-8s, released", 67.2, _FCN_CODE),
                _miou("GDN", 74.02, papers.GDN),
                _miou("LRR", 79.3, papers.LRR),
            ),
            note="The rows are of the test images, whose masks the server of "
            "the challenge keeps: `kerasseg predict --file-ids` writes what it "
            "takes. Scores of val stand beside them for orientation only.",
        ),
        Protocol(
            "cityscapes",
            "Cityscapes, val, 19 classes",
            "cityscapes",
            "val",
            (
                _miou("LRR", 71.8, papers.LRR, "as cityscapes_lrr"),
                _miou("guided DUC + DLC", 83.3, papers.GUIDED),
            ),
            note="The rows are of the test images, whose masks the server of "
            "the benchmark keeps: `kerasseg predict --file-ids` writes what it "
            "takes. Scores of val stand beside them for orientation only.",
        ),
        Protocol(
            "cityscapes_lrr",
            "Cityscapes, val, 19 classes, in two parts as by LRR",
            "cityscapes",
            "val",
            (_miou("LRR", 71.8, papers.LRR),),
            halves=True,
            note="The row is of the test images, whose masks the server of the "
            "benchmark keeps.",
        ),
        Protocol(
            "ade20k",
            "ADE20K, val, 150 classes",
            "ade20k",
            "val",
            (
                _guided("ResNet-50", 43.82, 81.23, 62.53),
                _guided("ResNet-101", 44.21, 82.71, 63.46),
                _guided("ResNet-152", 44.86, 82.91, 63.89),
                _guided("ResNet-269", 46.26, 83.11, 64.69),
                _guided("ResNet-50", 44.16, 81.70, 62.93, _SEVERAL),
                _guided("ResNet-101", 45.41, 82.86, 64.14, _SEVERAL),
                _guided("ResNet-152", 45.87, 83.66, 64.77, _SEVERAL),
                _guided("ResNet-269", 47.16, 83.82, 65.49, _SEVERAL),
            ),
            final_score=True,
            note="For ResNet-101 at several scales another table of the paper "
            "has 46.41 of mean IoU and 64.64.",
        ),
        Protocol(
            "pascal_context",
            "PASCAL-Context, val, 59 classes",
            "pascal_context",
            "val",
            (_guided("best", 56.10, 81.62, 68.86, "60 classes"),),
            final_score=True,
            note="The row counts the background as a 60th class, which this "
            "protocol ignores: the two are not comparable.",
        ),
        Protocol(
            "camvid",
            "CamVid, test, 11 classes, 360x480",
            "camvid",
            "test",
            (_miou("FC-DenseNet103", 66.9, papers.TIRAMISU, "not pretrained"),),
        ),
    )
}
