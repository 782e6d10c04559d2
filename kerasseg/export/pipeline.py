"""The steps that every exporter goes through, in order."""

import dataclasses
import importlib.metadata
import logging
import platform
import time
from collections.abc import Callable
from collections.abc import Mapping

import keras

from kerasseg.atomic import atomic_json
from kerasseg.export import artefact
from kerasseg.export import runtimes
from kerasseg.export import sidecar
from kerasseg.export.comparison import DEFAULT_IGNORE_CLASSES
from kerasseg.export.comparison import doubts
from kerasseg.export.comparison import measure_latency
from kerasseg.export.comparison import verify
from kerasseg.export.errors import ExportError
from kerasseg.export.errors import require
from kerasseg.export.integrity import check_content
from kerasseg.export.quiet import quiet
from kerasseg.export.report import ExportReport
from kerasseg.export.rounding import Conversion
from kerasseg.export.samples import Samples
from kerasseg.export.staging import place
from kerasseg.export.staging import staging_folder
from kerasseg.export.static import Source
from kerasseg.export.static import first_line
from kerasseg.export.static import make_source
from kerasseg.export.variant import Variant
from kerasseg.export.variant import settled

_logger = logging.getLogger("kerasseg.export")


def _real(path):
    return None, None


def _none(path):
    return ()


def _unknown(path, images):
    return None


def _untold(path):
    return None


def _nothing(path, images):
    return {}, ()


@dataclasses.dataclass(frozen=True)
class Format:
    """One kind of artefact: what it needs and how it is opened.

    Args:
        name: Name in reports and sidecars.
        suffix: End of its file names; empty for a folder.
        extra: Extra of kerasseg that brings its packages.
        modules: Modules that converting and running it import.
        packages: Distributions whose versions the report states.
        backends: Keras backends that it can be made from.
        convert: Function of a `Source` and a path that writes the artefact
            and may return a `Conversion`.
        open: Function of a path that returns the artefact as a function
            from an image batch to logits.
        operators: Function of a path that counts the operators.
        precisions: Dictionary from number format to the possible formats of
            the pixels, the usual one first. Defaults to float32 alone.
        layouts: Layouts of its input and output. Defaults to `"NHWC"` alone.
        quantization: Function of a path that returns how pixels and logits
            become integers, see `runtimes.litert_quantization`. Defaults to
            one that says they are real numbers.
        kept_in_float: Function of a path that names the operators of an int8
            artefact that compute with real numbers. Defaults to one that
            names none.
        time_shares: Function of a path and an image batch that measures the
            share of the time of each operator. Defaults to one that cannot.
        ends: Function of a path that reads the `Ends` of an artefact, what
            it says about itself, or `None`. Defaults to one that cannot.
        besides: Function of a path and an image batch that proves what an
            artefact offers besides the output of its images, and returns
            entries for the sidecar and sentences for the report. Defaults to
            one for artefacts that offer nothing more.
    """

    name: str
    suffix: str
    extra: str
    modules: tuple[str, ...]
    packages: tuple[str, ...]
    backends: tuple[str, ...]
    convert: Callable
    open: Callable
    operators: Callable
    precisions: Mapping = dataclasses.field(
        default_factory=lambda: {"float32": ("float32",)}
    )
    layouts: tuple[str, ...] = ("NHWC",)
    quantization: Callable = _real
    kept_in_float: Callable = _none
    time_shares: Callable = _unknown
    ends: Callable = _untold
    besides: Callable = _nothing


def export(
    form: Format,
    model,
    path,
    *,
    image_shape=None,
    variant=None,
    verify_on=None,
    labels=None,
) -> ExportReport:
    """Converts a model, proves the result and only then places it.

    Args:
        form: The `Format` to write.
        model: `keras.Model` from images to logits.
        path: Where the artefact goes.
        image_shape: `(height, width)` of the input, or `None` for the
            model's own. Defaults to `None`.
        variant: `Variant` that the user asked for. Defaults to float32
            logits.
        verify_on: Images for the proof, see `Samples`. Defaults to some of
            the calibration images, or else to seeded random ones.
        labels: `kerasseg.data.Labels` for the sidecar. Defaults to those of
            `verify_on`, or of the calibration images.

    Returns:
        An `ExportReport`.

    Raises:
        ValueError: If an argument cannot be honoured.
        ImportError: If a package is missing.
        ExportError: If the conversion or the proof fails.
    """
    start = time.perf_counter()
    path = artefact.checked_path(path, form)
    variant = settled(variant or Variant(), form)
    _check_backend(form)
    source = make_source(model, image_shape, variant)
    labels = _labels(labels, verify_on, source)
    _check_labels(labels, source)
    samples = _samples(verify_on, source)
    with staging_folder(path) as staged:
        _check_modules(form)
        written = staged / ("artefact" + form.suffix)
        conversion, converted = _timed(_convert, form, source, written)
        result = _proven(form, source, written, samples, labels)
        more, told = form.besides(written, samples.first())
        pixels, logits = form.quantization(written)
        report = ExportReport(
            format=form.name,
            path=str(path),
            precision=variant.precision,
            output=variant.output,
            stride=source.stride,
            backend=keras.backend.backend(),
            input_shape=source.file_shape,
            output_shape=variant.file_shape(result.output_shape),
            images=result.images,
            verified_on=result.verified_on,
            **result.measures,
            operators=form.operators(written),
            bytes=artefact.size(written),
            seconds=time.perf_counter() - start,
            convert_seconds=converted,
            latency_ms=result.latency_ms,
            threads=runtimes.available_threads(),
            versions=_versions(form),
            sha256=artefact.sha256(written),
            notes=(
                *source.notes,
                *told,
                *doubts(result.measures),
                *_float_parts(form, variant, written),
                *_kept_layers(conversion),
            ),
            num_classes=result.num_classes,
            gate=result.gate,
            layout=variant.layout,
            input_dtype=variant.input_dtype,
            output_dtype=_output_dtype(variant, logits),
            input_quantization=pixels,
            output_quantization=logits,
            time_shares=form.time_shares(written, samples.first()),
            float32_latency_ms=_float32_latency(form, conversion, samples),
            worst_layers=conversion.worst_layers,
        )
        beside = staged / "sidecar.json"
        described = {**sidecar.describe(report, labels), **more}
        check_content(written, described, form)
        atomic_json(beside, described)
        files = zip(artefact.parts(written), artefact.parts(path), strict=True)
        place(staged, [*files, (beside, sidecar.sidecar_path(path))])
    _logger.info("wrote %s in %.1f s", path, report.seconds)
    return report


def _labels(labels, verify_on, source):
    for holder in (verify_on, source.variant.calibration):
        if labels is None:
            labels = getattr(holder, "labels", None)
    return labels


def _samples(verify_on, source):
    calibration = source.variant.calibration
    if verify_on is None and calibration is not None:
        return calibration.proof()
    return Samples(source.shape, verify_on)


def _output_dtype(variant, quantization):
    if variant.output == "mask":
        return "uint8"
    return variant.input_dtype if quantization else "float32"


def _convert(form, source: Source, path):
    try:
        with quiet():
            return form.convert(source, path) or Conversion()
    except (ExportError, ImportError, OSError, MemoryError):
        raise
    except Exception as error:
        raise ExportError(
            f"The conversion to {form.name} failed: {first_line(error)}"
            f"{_training_hint(source)}"
        ) from error


def _proven(form, source, path, samples, labels):
    ignored = (
        DEFAULT_IGNORE_CLASSES if labels is None else (labels.ignore_classes)
    )
    try:
        return verify(source, form.open(path), samples, ignored)
    except ExportError as error:
        raise ExportError(f"{error}{_training_hint(source)}") from error


def _training_hint(source):
    """Explains a difference that comes from batch normalisation."""
    if keras.backend.backend() != "tensorflow":
        return ""
    names = source.updated_variables()
    if not names:
        return ""
    listed = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
    return (
        f" The exported graph updates {len(names)} variables ({listed}), as "
        f"batch normalisation in training mode does: a layer ignores "
        f"`training=False`."
    )


def _float_parts(form, variant, path):
    names = form.kept_in_float(path) if variant.precision == "int8" else ()
    if not names:
        return ()
    return (
        f"Computed in float, for want of an int8 form: {', '.join(names)}.",
    )


def _kept_layers(conversion):
    if not conversion.kept:
        return ()
    return (
        f"Kept in float, for what rounding them costs: "
        f"{', '.join(conversion.kept)}.",
    )


def _float32_latency(form, conversion, samples):
    if conversion.float32 is None:
        return None
    return measure_latency(form.open(conversion.float32), samples.first())


def _timed(function, *arguments):
    start = time.perf_counter()
    result = function(*arguments)
    return result, time.perf_counter() - start


def _check_backend(form):
    backend = keras.backend.backend()
    if backend not in form.backends:
        listed = " or ".join(form.backends)
        raise ValueError(
            f"The export to {form.name} must run on the Keras backend "
            f"{listed}. Received: the backend {backend!r}. Install it with "
            f'pip install "kerasseg[{form.extra}]" and set '
            f"KERAS_BACKEND=tensorflow before Keras is imported; weights "
            f"saved on one backend load on another."
        )


def _check_modules(form):
    with quiet():
        for module in form.modules:
            require(module, form.extra)


def _check_labels(labels, source):
    outputs = getattr(source.model, "outputs", None)
    if labels is None or not outputs:
        return
    num_classes = outputs[0].shape[-1]
    if len(labels.class_names) != num_classes:
        raise ValueError(
            f"`labels` must name the {num_classes} classes of the model. "
            f"Received: labels with {len(labels.class_names)} names"
        )


def _versions(form):
    versions = {"python": platform.python_version()}
    for package in ("kerasseg", "keras", "numpy", *form.packages):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
