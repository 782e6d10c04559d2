"""Whole sidecars, for tests that need no real exported file."""

import copy
import hashlib
import json

from kerasseg.export import sidecar


def described(content, **changes):
    """What the exporters write beside a file of these bytes.

    A dictionary among the changes is merged into that of the same name. The
    output has the size of the input.
    """
    fields = {
        "schema": 2,
        "file": "net.onnx",
        "format": "onnx",
        "precision": "float32",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "input": {
            "name": "images",
            "shape": [1, 34, 47, 3],
            "layout": "NHWC",
            "dtype": "float32",
            "quantization": None,
            "range": [0, 255],
            "channels": "RGB",
        },
        "output": {
            "name": "logits",
            "shape": [1, 34, 47, 2],
            "layout": "NHWC",
            "dtype": "float32",
            "quantization": None,
            "meaning": "logits per class",
        },
        "num_classes": 2,
        "class_names": ["sky", "road"],
        "palette": [[0, 0, 0], [128, 0, 0]],
        "ignore_classes": [255],
        "proof": {
            "images": 4,
            "verified_on": "seeded random images",
            "max_error": 1e-7,
            "mean_error": 2.5e-9,
            "logit_range": 3.25,
            "mask_agreement": 1.0,
            "miou_before": None,
            "miou_after": None,
            "gate": "mask agreement 100.0000 %",
        },
        "versions": {"python": "3.11.7", "kerasseg": "0.2.0"},
    }
    for key, value in changes.items():
        if isinstance(value, dict):
            fields[key].update(value)
        else:
            fields[key] = value
    if "shape" not in changes.get("output", {}):
        source = fields["input"]
        sizes = dict(zip(source["layout"], source["shape"], strict=True))
        shape = [1, sizes["H"], sizes["W"], 2]
        fields["output"]["shape"] = shape[: len(fields["output"]["layout"])]
    return sidecar.sealed(fields)


def edit(path, *keys, to, seal=False):
    """Changes an entry of a sidecar; `to` gets the old value.

    `seal` says whether it is sealed anew, as by someone who can do that.
    """
    beside = sidecar.sidecar_path(path)
    content = json.loads(beside.read_text())
    holder = content
    for key in keys[:-1]:
        holder = holder[key]
    holder[keys[-1]] = to(copy.deepcopy(holder.get(keys[-1])))
    beside.write_text(json.dumps(sidecar.sealed(content) if seal else content))
