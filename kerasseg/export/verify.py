"""A file that exists, verified again."""

import importlib
from pathlib import Path

import numpy as np

from kerasseg.channels import RGB
from kerasseg.export import files
from kerasseg.export import sidecar
from kerasseg.export.errors import ExportError
from kerasseg.export.format import Format
from kerasseg.export.model.freeze import freeze
from kerasseg.export.options import ExportOptions
from kerasseg.export.proof.comparison import compare
from kerasseg.export.proof.comparison import verify
from kerasseg.export.proof.comparison import warnings_for
from kerasseg.export.proof.images import Samples
from kerasseg.export.proof.integrity import AGAIN
from kerasseg.export.proof.integrity import check_bytes
from kerasseg.export.proof.integrity import check_content
from kerasseg.export.proof.integrity import check_seal
from kerasseg.export.proof.integrity import value
from kerasseg.export.report import File
from kerasseg.export.report import Latency
from kerasseg.export.report import VerificationReport
from kerasseg.export.runtime import available_threads
from kerasseg.export.runtimes import check_machine
from kerasseg.export.runtimes import check_runtime
from kerasseg.export.runtimes import opened_in
from kerasseg.formats import FORMATS

# Agreement at which another form of the pixels explains a difference.
EXPLAINED = 0.98
# What a file may want instead of RGB, 0..255.
OTHER_PIXELS = {
    "blue, green, red (BGR) instead of RGB": lambda x: x[..., ::-1],
    "0..1 instead of 0..255": lambda x: x / 255.0,
    "-1..1 instead of 0..255": lambda x: x / 127.5 - 1.0,
}


def verify_file(
    path,
    model,
    *,
    data=None,
    images=None,
    labels=None,
    gate=None,
    runtime=None,
) -> VerificationReport:
    """Verifies that an exported file computes what a model computes.

    First the bytes of the file are compared with its sidecar, then the
    sidecar with what the file says about itself and with the classes of the
    model, and last the results of file and model on images, within the
    limits that the exporters have for the precision of the file.

    Args:
        path: Path of the file, or of the folder of a SavedModel. Its sidecar
            lies beside it.
        model: `keras.Model` that the file should compute.
        data: Images to run: a dataset or a sequence of images,
            `(image, mask)` pairs or paths. Defaults to seeded random images,
            which int8 files and coarse masks were not made for.
        images: Number of images to take, evenly spread over `data`. Defaults
            to `None`: all.
        labels: `kerasseg.data.Labels` of the model. Defaults to those of
            `data`, where it has any.
        gate: `Gate` for a file in float16 or int8 or with a coarse mask.
            Defaults to `None`: the limits of the exporters.
        runtime: `"tensorrt_rtx"` to run an ONNX file by TensorRT for RTX
            through ONNX Runtime, on an NVIDIA GPU; `gate` then holds in
            float32 too. Defaults to `None`: the runtime of the exporter.

    Returns:
        A `VerificationReport`.

    Raises:
        ValueError: If there is no such file or sidecar, or an argument
            cannot be honored.
        TypeError: If `model` is no Keras model.
        ImportError: If the runtime, or what it runs on, is missing.
        ExportError: If the file must not be used; it says what is wrong and
            what to do.
    """
    path, content = _read(path)
    checks = [check_bytes(path, content)]
    form = _form(path, content)
    checks.append(check_content(path, content, form))
    check_runtime(runtime, form.name, path)
    check_machine(runtime)
    _check_data(content, data, images)
    frozen = _frozen(model, content, gate, runtime is not None)
    if labels is None:
        labels = getattr(data, "labels", None)
    checks.append(_check_classes(path, content, frozen, labels))
    checks.append(check_seal(path, content))
    samples = Samples(frozen.shape, data, "data")
    if images is not None:
        samples = samples.spread(images)
    ignored = None if labels is None else labels.ignore_classes
    run, told = _opened(path, form, runtime)
    result = _compared(path, run, frozen, samples, ignored)
    notes = _check_extra(path, content, form, samples)
    return VerificationReport(
        file=File(
            format=form.name,
            path=str(path),
            precision=content["precision"],
            output=content["output"]["name"],
            stride=frozen.stride,
        ),
        against=getattr(model, "name", "model"),
        checks=tuple(checks),
        proof=result.proof,
        timing=Latency(
            latency_ms=result.latency_ms, threads=available_threads()
        ),
        notes=(
            *told,
            *frozen.notes,
            *notes,
            *warnings_for(result.proof),
            *result.notes,
        ),
    )


def _read(path):
    path = Path(path).expanduser().absolute()
    beside = sidecar.sidecar_path(path)
    for part in files.parts(path):
        if not part.exists():
            raise ValueError(
                f"`path` must be an exported file or folder. Received: "
                f"path={str(path)!r}, and {part.name} does not exist"
            )
    owner = path.with_suffix("")
    if path.suffix == ".json" and owner.exists():
        raise ValueError(
            f"`path` must be the exported file, not its sidecar: "
            f"{owner.name!r}. Received: path={str(path)!r}"
        )
    if not beside.exists():
        raise ValueError(
            f"`path` must have its sidecar {beside.name} beside it, which "
            f"the exporter writes: copy it too, or export again. Received: "
            f"path={str(path)!r}"
        )
    try:
        return path, sidecar.read_fields(path)
    except ValueError as error:
        raise ExportError(
            f"The sidecar {beside.name} cannot be read: {error.__cause__}. "
            f"{AGAIN}"
        ) from error


def find_format(name) -> Format | None:
    """Finds a format by the name that sidecars have for it.

    Args:
        name: The name.

    Returns:
        The `Format`, or `None` if there is none of that name.
    """
    if not isinstance(name, str) or name not in FORMATS:
        return None
    return importlib.import_module(f"kerasseg.export.{name}.exporter").FORMAT


def _form(path, content):
    name = value(content, "format")
    form = find_format(name)
    if form is None or form.suffix != ("" if path.is_dir() else path.suffix):
        raise ExportError(
            f"The sidecar of {path.name} is wrong: format is {name!r}, and "
            f"the formats are {_formats()}. {AGAIN}"
        )
    return form


def _formats():
    return ", ".join(
        f"{facts.name!r} ({facts.suffix or 'a folder'})"
        for facts in FORMATS.values()
    )


def _check_data(content, data, images):
    quantized = content["precision"] not in ("float32", "float16")
    if data is None and (quantized or _cell(content) > 1):
        raise ValueError(
            "`data` must be images like those that the file was made for: "
            "an int8 file has no room for the values of others, and a coarse "
            "mask does not show their detail. Received: data=None"
        )
    whole = isinstance(images, int) and not isinstance(images, bool)
    if images is not None and not (whole and images > 0):
        raise ValueError(
            f"`images` must be a positive integer or None. Received: "
            f"images={images!r}"
        )


def _frozen(model, content, gate, rounds):
    layout = content["input"]["layout"]
    sizes = dict(zip(layout, content["input"]["shape"], strict=True))
    options = ExportOptions(
        precision=content["precision"],
        output=content["output"]["name"],
        layout=layout,
        input_dtype=content["input"]["dtype"],
        gate=gate,
        coarse=_cell(content) > 1,
        rounds=rounds,
    )
    try:
        frozen = freeze(model, [sizes[axis] for axis in "HWC"], options)
    except ValueError as error:
        raise ExportError(
            f"The model is not the one that the file was exported from: {error}"
        ) from error
    if frozen.stride != _cell(content):
        raise ExportError(
            f"The sidecar is wrong: output.stride is {_cell(content)}, that "
            f"of the model {frozen.stride}. {AGAIN}"
        )
    return frozen


def _cell(content):
    return value({"stride": 1, **content["output"]}, "stride", kind=int)


def _check_classes(path, content, frozen, labels):
    count, known = content["num_classes"], frozen.num_classes
    if count != known:
        raise ExportError(
            f"{path.name} has {count} classes, the Keras model {known}: it "
            f"was exported from another model. Verify it against that one, "
            f"or export this one."
        )
    names = content["class_names"]
    if names is None or labels is None:
        return f"{count} classes in file and model"
    expected = list(labels.class_names)
    if len(expected) != count:
        raise ValueError(
            f"`labels` must name the {count} classes of the model. Received: "
            f"labels with {len(expected)} names"
        )
    if names != expected:
        changed = [
            f"class {i} is {name!r} in the sidecar and {right!r} in the model"
            for i, (name, right) in enumerate(zip(names, expected, strict=True))
            if name != right
        ]
        raise ExportError(
            f"The class names of {path.name} are not the model's: "
            f"{'; '.join(changed)}. The sidecar was edited, or the file was "
            f"exported with other labels. {AGAIN}"
        )
    for key, right in (
        ("palette", [list(color) for color in labels.palette]),
        ("ignore_classes", list(labels.ignore_classes)),
    ):
        if content[key] is not None and content[key] != right:
            raise ExportError(
                f"The {key} of {path.name} is {content[key]} in the sidecar "
                f"and {right} in the model. The sidecar was edited, or the "
                f"file was exported with other labels. {AGAIN}"
            )
    return f"{count} classes in file and model, with the same names"


def _opened(path, form, runtime):
    """Function that runs the file, and sentences on what runs it."""
    if runtime is None:
        return form.open(path), ()
    run, sentence = opened_in(runtime, path)
    return run, (sentence,)


def _compared(path, run, frozen, samples, ignore_classes):
    try:
        return verify(frozen, run, samples, ignore_classes)
    except ExportError as error:
        raise ExportError(
            f"{error}{_explanation(frozen, run, samples)} Export the model "
            f"again, or verify {path.name} against the model that it was "
            f"exported from: that may be an older one."
        ) from error


def _check_extra(path, content, form, samples):
    entries, notes = form.extra_signatures(path, samples.first())
    known = content.get("signatures")
    if _without_prose(known) != _without_prose(entries.get("signatures")):
        raise ExportError(
            f"The sidecar of {path.name} is wrong: signatures is {known}, in "
            f"the file {entries.get('signatures')}. {AGAIN}"
        )
    return notes


def _without_prose(value):
    """A value of a sidecar without the sentences, whose wording may change."""
    if not isinstance(value, dict):
        return value
    return {
        name: _without_prose(part)
        for name, part in value.items()
        if name != "meaning"
    }


def _explanation(frozen, run, samples):
    """Names a usual cause that the difference would come from."""
    images = samples.first()
    reference = frozen.logits(images)

    def agreement(change):
        try:
            result = compare(reference, run(np.ascontiguousarray(change)))
        except ExportError:
            return 0.0
        return result["mask_agreement"]

    plain = agreement(images)
    for pixels, change in OTHER_PIXELS.items():
        if "BGR" in pixels and images.shape[3] != RGB:
            continue
        if plain < EXPLAINED <= agreement(change(images).astype("float32")):
            return f" The masks agree when the file is given pixels {pixels}."
    return ""
