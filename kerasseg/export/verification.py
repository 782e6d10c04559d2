"""A file that exists, proven again."""

from pathlib import Path

import numpy as np

from kerasseg.export import artefact
from kerasseg.export import runtimes
from kerasseg.export import sidecar
from kerasseg.export.comparison import DEFAULT_IGNORE_CLASSES
from kerasseg.export.comparison import compare
from kerasseg.export.comparison import doubts
from kerasseg.export.comparison import verify
from kerasseg.export.errors import ExportError
from kerasseg.export.formats import FORMATS
from kerasseg.export.integrity import AGAIN
from kerasseg.export.integrity import check_bytes
from kerasseg.export.integrity import check_content
from kerasseg.export.integrity import value
from kerasseg.export.report import VerificationReport
from kerasseg.export.samples import Samples
from kerasseg.export.static import make_source
from kerasseg.export.variant import Variant

# Agreement at which another form of the pixels explains a difference.
EXPLAINED = 0.98
# What a file may want instead of RGB, 0..255.
OTHER_PIXELS = {
    "blue, green, red (BGR) instead of RGB": lambda x: x[..., ::-1],
    "0..1 instead of 0..255": lambda x: x / 255.0,
    "-1..1 instead of 0..255": lambda x: x / 127.5 - 1.0,
}


def verify_file(
    path, model, *, data=None, images=None, labels=None, gate=None
) -> VerificationReport:
    """Proves that an exported file computes what a model computes.

    First the bytes of the file are compared with its sidecar, then the
    sidecar with what the file says about itself and with the classes of the
    model, and last the results of file and model on images, within the
    limits that the exporters have for the precision of the file.

    Args:
        path: Path of the file, or of the folder of a SavedModel. Its sidecar
            lies beside it.
        model: `keras.Model` that the file should compute.
        data: Images to run: a data set or a sequence of images,
            `(image, mask)` pairs or paths. Defaults to seeded random images,
            which int8 files and coarse masks were not made for.
        images: Number of images to take, evenly spread over `data`. Defaults
            to `None`: all.
        labels: `kerasseg.data.Labels` of the model. Defaults to those of
            `data`, where it has any.
        gate: `Gate` for a file in float16 or int8 or with a coarse mask.
            Defaults to `None`: the limits of the exporters.

    Returns:
        A `VerificationReport`.

    Raises:
        ValueError: If there is no such file or sidecar, or an argument
            cannot be honoured.
        TypeError: If `model` is no Keras model.
        ImportError: If the runtime of the format is missing.
        ExportError: If the file must not be used; it says what is wrong and
            what to do.
    """
    path, content = _read(path)
    checks = [check_bytes(path, content)]
    form = _form(path, content)
    checks.append(check_content(path, content, form))
    _check_data(content, data, images)
    source = _source(model, content, gate)
    if labels is None:
        labels = getattr(data, "labels", None)
    checks.append(_check_classes(path, content, source, labels))
    samples = Samples(source.shape, data, "data")
    if images is not None:
        samples = samples.spread(images)
    ignored = (
        DEFAULT_IGNORE_CLASSES if labels is None else labels.ignore_classes
    )
    result = _compared(path, form, source, samples, ignored)
    told = _check_besides(path, content, form, samples)
    return VerificationReport(
        format=form.name,
        path=str(path),
        precision=content["precision"],
        output=content["output"]["name"],
        against=getattr(model, "name", "model"),
        checks=tuple(checks),
        images=result.images,
        verified_on=result.verified_on,
        **result.measures,
        gate=result.gate,
        latency_ms=result.latency_ms,
        threads=runtimes.available_threads(),
        stride=source.stride,
        notes=(*source.notes, *told, *doubts(result.measures)),
    )


def _read(path):
    path = Path(path).expanduser().absolute()
    beside = sidecar.sidecar_path(path)
    for part in artefact.parts(path):
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
        return path, sidecar.read_sidecar(path)
    except ValueError as error:
        raise ExportError(
            f"The sidecar {beside.name} cannot be read: {error.__cause__}. "
            f"{AGAIN}"
        ) from error


def _form(path, content):
    name = value(content, "format")
    form = FORMATS.get(name) if isinstance(name, str) else None
    if form is None or form.suffix != ("" if path.is_dir() else path.suffix):
        raise ExportError(
            f"The sidecar of {path.name} is wrong: format is {name!r}, and "
            f"the formats are {_formats()}. {AGAIN}"
        )
    return form


def _formats():
    return ", ".join(
        f"{form.name!r} ({form.suffix or 'a folder'})"
        for form in FORMATS.values()
    )


def _check_data(content, data, images):
    rounded = content["precision"] not in ("float32", "float16")
    if data is None and (rounded or _cell(content) > 1):
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


def _source(model, content, gate):
    layout = content["input"]["layout"]
    sizes = dict(zip(layout, content["input"]["shape"], strict=True))
    variant = Variant(
        precision=content["precision"],
        output=content["output"]["name"],
        layout=layout,
        input_dtype=content["input"]["dtype"],
        gate=gate,
        coarse=_cell(content) > 1,
    )
    try:
        source = make_source(model, [sizes[axis] for axis in "HWC"], variant)
    except ValueError as error:
        raise ExportError(
            f"The model is not the one that the file was exported from: {error}"
        ) from error
    if source.stride != _cell(content):
        raise ExportError(
            f"The sidecar is wrong: output.stride is {_cell(content)}, that "
            f"of the model {source.stride}. {AGAIN}"
        )
    return source


def _cell(content):
    return value({"stride": 1, **content["output"]}, "stride", kind=int)


def _check_classes(path, content, source, labels):
    count, known = content["num_classes"], source.num_classes
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
    return f"{count} classes in file and model, with the same names"


def _compared(path, form, source, samples, ignore_classes):
    run = form.open(path)
    try:
        return verify(source, run, samples, ignore_classes)
    except ExportError as error:
        raise ExportError(
            f"{error}{_explanation(source, run, samples)} Export the model "
            f"again, or verify {path.name} against the model that it was "
            f"exported from: that may be an older one."
        ) from error


def _check_besides(path, content, form, samples):
    entries, told = form.besides(path, samples.first())
    known = content.get("signatures")
    if known != entries.get("signatures"):
        raise ExportError(
            f"The sidecar of {path.name} is wrong: signatures is {known}, in "
            f"the file {entries.get('signatures')}. {AGAIN}"
        )
    return told


def _explanation(source, run, samples):
    """Names a usual mistake that the difference would come from."""
    images = samples.first()
    reference = source.logits(images)

    def agreement(change):
        try:
            result = compare(reference, run(np.ascontiguousarray(change)))
        except ExportError:
            return 0.0
        return result["mask_agreement"]

    plain = agreement(images)
    for pixels, change in OTHER_PIXELS.items():
        if plain < EXPLAINED <= agreement(change(images).astype("float32")):
            return f" The masks agree when the file is given pixels {pixels}."
    return ""
