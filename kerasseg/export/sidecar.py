"""The JSON file beside an artifact that tells a runtime everything."""

import json
from pathlib import Path

from kerasseg.channels import channel_names
from kerasseg.export import schema
from kerasseg.export.files import sidecar_path
from kerasseg.export.report import ExportReport
from kerasseg.files import json_text
from kerasseg.files import read_json


def describe(report: ExportReport, labels=None, channels=None) -> dict:
    """Describes an artifact for programs that know nothing of Keras.

    Args:
        report: The `ExportReport` of the artifact.
        labels: `kerasseg.data.Labels` with the names and colors of the
            classes, or `None` where they are unknown.
        channels: Names of the channels of the images, or `None` for those
            that are usual. Defaults to `None`.

    Returns:
        A dictionary that `json.dumps` accepts.
    """
    return {
        "schema": schema.SCHEMA,
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
            "channels": _channels(report, channels),
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


def sealed(content: dict) -> dict:
    """Puts the seal on a sidecar.

    Args:
        content: What `describe` made, and more entries if there are any.

    Returns:
        The dictionary as it is read back, with the seal of its fields.

    Raises:
        ValueError: If that is no sidecar; the message names the field.
    """
    content = {**json.loads(json_text(content)), schema.SEAL: 64 * "0"}
    schema.check(content)
    return {**content, schema.SEAL: schema.seal_of(content)}


def read_sidecar(path) -> dict:
    """Reads the sidecar of an artifact.

    Args:
        path: Path of the exported file or folder, not of the sidecar.

    Returns:
        The dictionary that `describe` made, with its seal.

    Raises:
        ValueError: If there is no readable sidecar, or it was edited.
    """
    return _read(path, schema.check_seal)


def read_fields(path) -> dict:
    """Reads the sidecar of an artifact, whose seal nobody has looked at.

    Args:
        path: Path of the exported file or folder, not of the sidecar.

    Returns:
        The dictionary that `describe` made, with its seal.

    Raises:
        ValueError: If there is no readable sidecar.
    """
    return _read(path)


def _read(path, *checks):
    sidecar = sidecar_path(path)
    try:
        content = read_json(sidecar)
        for check in (schema.check, *checks):
            check(content)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"`path` must have a readable sidecar beside it ({error}). "
            f"Received: path={str(path)!r}"
        ) from error
    return content


def _channels(report, names):
    """What each channel is: `"RGB"`, or a list of names."""
    if names is not None:
        return list(names)
    sizes = dict(zip(report.layout, report.input_shape, strict=True))
    return channel_names(sizes["C"])


def _meaning(report):
    if report.output == "mask" and report.stride > 1:
        return (
            f"class id of each pixel; the pixels of a block of "
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
        "palette": [[int(v) for v in color] for color in labels.palette],
        "ignore_classes": [int(v) for v in labels.ignore_classes],
    }
