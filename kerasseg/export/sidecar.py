"""The JSON file beside an artefact that tells a runtime everything."""

import json
from pathlib import Path

from kerasseg.export.report import ExportReport

SCHEMA = 1


def sidecar_path(path) -> Path:
    """Names the sidecar of an artefact.

    Args:
        path: Path of the exported file or folder.

    Returns:
        The path with `.json` appended: `mine.tflite.json`.
    """
    path = Path(path)
    return path.with_name(path.name + ".json")


def describe(report: ExportReport, labels=None) -> dict:
    """Describes an artefact for programs that know nothing of Keras.

    Args:
        report: The `ExportReport` of the artefact.
        labels: `kerasseg.data.Labels` with the names and colours of the
            classes, or `None` where they are unknown.

    Returns:
        A dictionary that `json.dumps` accepts.
    """
    return {
        "schema": SCHEMA,
        "file": Path(report.path).name,
        "format": report.format,
        "precision": report.precision,
        "sha256": report.sha256,
        "bytes": report.bytes,
        "input": {
            "name": "images",
            "shape": list(report.input_shape),
            "layout": report.layout,
            "dtype": report.input_dtype,
            "quantization": report.input_quantization,
            "range": [0, 255],
            "channels": "RGB",
        },
        "output": {
            "name": report.output,
            "shape": list(report.output_shape),
            "layout": "NHW" if report.output == "mask" else report.layout,
            "dtype": report.output_dtype,
            "quantization": report.output_quantization,
            "meaning": _meaning(report),
            **({"stride": report.stride} if report.stride > 1 else {}),
        },
        **_classes(report, labels),
        "proof": {
            "images": report.images,
            "verified_on": report.verified_on,
            "max_error": report.max_error,
            "mean_error": report.mean_error,
            "logit_range": report.logit_range,
            "mask_agreement": report.mask_agreement,
            "miou_before": report.miou_before,
            "miou_after": report.miou_after,
            "gate": report.gate,
        },
        "versions": dict(report.versions),
    }


def read_sidecar(path) -> dict:
    """Reads the sidecar of an artefact.

    Args:
        path: Path of the exported file or folder, not of the sidecar.

    Returns:
        The dictionary that `describe` made.

    Raises:
        ValueError: If there is no readable sidecar.
    """
    sidecar = sidecar_path(path)
    try:
        content = json.loads(sidecar.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(
            f"`path` must have a readable sidecar beside it ({error}). "
            f"Received: path={str(path)!r}"
        ) from error
    return content


def _meaning(report):
    if report.output == "mask" and report.stride > 1:
        return (
            f"class id of each pixel; the pixels of a cell of "
            f"{report.stride}x{report.stride} have the same"
        )
    if report.output == "mask":
        return "class id of each pixel"
    axis = "second" if report.layout == "NCHW" else "last"
    return (
        f"logits per class; the class id of a pixel is the index of the "
        f"largest value of the {axis} axis"
    )


def _classes(report, labels):
    if labels is None:
        return {
            "num_classes": report.num_classes,
            "class_names": None,
            "palette": None,
            "ignore_classes": None,
        }
    return {
        "num_classes": report.num_classes,
        "class_names": list(labels.class_names),
        "palette": [[int(v) for v in colour] for colour in labels.palette],
        "ignore_classes": [int(v) for v in labels.ignore_classes],
    }
