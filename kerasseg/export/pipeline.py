"""The steps that every exporter goes through, in order."""

import importlib.metadata
import logging
import platform
import time

import keras

from kerasseg.export import files
from kerasseg.export import schema
from kerasseg.export import sidecar
from kerasseg.export.errors import ExportError
from kerasseg.export.errors import first_line
from kerasseg.export.errors import require
from kerasseg.export.format import Format
from kerasseg.export.model.freeze import freeze
from kerasseg.export.model.trace import Trace
from kerasseg.export.options import ExportOptions
from kerasseg.export.options import resolve
from kerasseg.export.proof.comparison import measure_latency
from kerasseg.export.proof.comparison import verify
from kerasseg.export.proof.comparison import warnings_for
from kerasseg.export.proof.images import Samples
from kerasseg.export.proof.integrity import check_content
from kerasseg.export.quantization import Conversion
from kerasseg.export.report import Artifact
from kerasseg.export.report import ExportReport
from kerasseg.export.report import Timing
from kerasseg.export.runtime import available_threads
from kerasseg.export.workarounds import interruptible
from kerasseg.export.workarounds import quiet
from kerasseg.files import atomic_json
from kerasseg.formats import INTEGERS

_logger = logging.getLogger("kerasseg.export")


def export(
    form: Format,
    model,
    path,
    options: ExportOptions | None = None,
    image_shape=None,
    verify_on=None,
    labels=None,
) -> ExportReport:
    """Converts a model, verifies the result and only then places it.

    Args:
        form: The `Format` to write.
        model: `keras.Model` from images to logits.
        path: Where the artifact goes.
        options: `ExportOptions` that the user asked for. Defaults to float32
            logits.
        image_shape: `(height, width)` of the input, or `None` for the
            model's own. Defaults to `None`.
        verify_on: Images for the proof, see `Samples`. Defaults to some of
            the calibration images, or else to seeded random ones.
        labels: `kerasseg.data.Labels` for the sidecar. Defaults to those of
            `verify_on`, or of the calibration images.

    Returns:
        An `ExportReport`.

    Raises:
        ValueError: If an argument cannot be honored.
        ImportError: If a package is missing.
        ExportError: If the conversion or the proof fails.
    """
    start = time.perf_counter()
    path = files.checked_path(path, form)
    options = resolve(options or ExportOptions(), form)
    _check_backend(form)
    frozen = freeze(model, image_shape, options)
    labels = _labels(labels, verify_on, frozen)
    _check_labels(labels, frozen)
    samples = _samples(verify_on, frozen)
    with files.staging_folder(path) as staged:
        _check_modules(form)
        written = staged / ("artifact" + form.suffix)
        with interruptible():
            report, extra = _written(form, frozen, written, samples, labels)
        report = report.placed(path, time.perf_counter() - start)
        described = sidecar.describe(report, labels, frozen.options.channels)
        content = sidecar.sealed({**described, **extra})
        check_content(written, content, form)
        _place(staged, written, path, content)
    _logger.info("wrote %s in %.1f s", path, report.seconds)
    return report


def _written(form, frozen, path, samples, labels):
    """Writes and verifies a file: its report, and entries of its sidecar."""
    start = time.perf_counter()
    conversion = _convert(form, frozen, path)
    _check_integers(form, frozen.options.precision, path, conversion)
    converted = time.perf_counter() - start
    result = _verified(form, frozen, path, samples, labels)
    extra, notes = form.extra_signatures(path, samples.first())
    report = ExportReport(
        artifact=_artifact(form, frozen, path, conversion, result),
        proof=result.proof,
        timing=Timing(
            latency_ms=result.latency_ms,
            threads=available_threads(),
            seconds=time.perf_counter() - start,
            convert_seconds=converted,
            time_shares=form.time_shares(path, samples.first()),
            float32_latency_ms=_float32_latency(form, conversion, samples),
        ),
        notes=(
            *frozen.notes,
            *notes,
            *warnings_for(result.proof),
            *result.notes,
            *_calibration_notes(frozen.options),
            *_float_operators(form, frozen.options, path),
            *_float_layers(conversion),
            *_learned_ranges(conversion),
        ),
    )
    return report, extra


def _artifact(form, frozen, path, conversion, result):
    options = frozen.options
    pixels, logits = form.quantization(path)
    return Artifact(
        format=form.name,
        path=str(path),
        precision=options.precision,
        output=options.output,
        stride=frozen.stride,
        backend=keras.backend.backend(),
        input_shape=frozen.file_shape,
        output_shape=options.file_shape(result.output_shape),
        layout=options.layout,
        input_dtype=options.input_dtype,
        output_dtype=_output_dtype(options, logits),
        num_classes=result.num_classes,
        operators=form.operators(path),
        bytes=files.size(path),
        sha256=files.sha256(path),
        versions=_versions(form),
        input_quantization=pixels,
        output_quantization=logits,
        worst_layers=conversion.worst_layers,
    )


def _place(staged, written, path, content):
    """Moves the file and its sidecar to their places, both or none."""
    beside = staged / "sidecar.json"
    atomic_json(beside, content)
    moves = zip(files.parts(written), files.parts(path), strict=True)
    files.place(staged, [*moves, (beside, sidecar.sidecar_path(path))])


def _calibration_notes(options):
    return () if options.calibration is None else options.calibration.notes()


def _labels(labels, verify_on, frozen):
    for holder in (verify_on, frozen.options.calibration):
        if labels is None:
            labels = getattr(holder, "labels", None)
    return labels


def _samples(verify_on, frozen):
    calibration = frozen.options.calibration
    if verify_on is None and calibration is not None:
        return calibration.proof()
    return Samples(frozen.shape, verify_on)


def _output_dtype(options, quantization):
    if options.output == "mask":
        return "uint8"
    return options.input_dtype if quantization else "float32"


def _convert(form, frozen, path):
    try:
        with quiet(), interruptible():
            return form.convert(frozen, path) or Conversion()
    except (ExportError, ImportError, OSError, MemoryError):
        raise
    except Exception as error:
        raise ExportError(
            f"The conversion to {form.name} failed: {first_line(error)}"
            f"{_hint(form, frozen, error)}"
        ) from error


def _check_integers(form, precision, path, conversion):
    """Refuses a file without an integer where some were asked for."""
    signature = form.signature(path) if precision in INTEGERS else None
    if signature is None or signature.precision == "int8":
        return
    kept = f" ({', '.join(conversion.kept)})" if conversion.kept else ""
    raise ExportError(
        f"No layer is left to quantize: all of them would stay in float{kept}."
        ' Export the model in "float16" or "float32". '
        f"Received: precision={precision!r}"
    )


def _verified(form, frozen, path, samples, labels):
    ignored = None if labels is None else labels.ignore_classes
    try:
        return verify(frozen, form.open(path), samples, ignored)
    except ExportError as error:
        raise type(error)(f"{error}{_training_hint(form, frozen)}") from error


def _hint(form, frozen, error):
    """What the message of a failed conversion says besides."""
    if "torch.Generator" in str(error):
        return (
            " The graph draws random numbers, which no file can: a layer does "
            "so in inference too."
        )
    return _training_hint(form, frozen) or form.advice()


def _training_hint(form, frozen):
    """Explains a difference that comes from batch normalization."""
    if keras.backend.backend() != "tensorflow":
        return ""
    try:
        names = Trace(frozen, form.name).updated_variables()
    except ExportError:
        return ""
    if not names:
        return ""
    listed = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
    if all("seed_generator_state" in name for name in names):
        return (
            f" The exported graph draws random numbers ({listed}) though it is "
            f"for inference: a layer ignores `training=False`."
        )
    return (
        f" The exported graph updates {len(names)} variables ({listed}), as "
        f"batch normalization in training mode does: a layer ignores "
        f"`training=False`."
    )


def _float_operators(form, options, path):
    names = form.float_operators(path) if options.precision == "int8" else ()
    if not names:
        return ()
    return (f"Left in float (no int8 kernel): {', '.join(names)}.",)


def _float_layers(conversion):
    if not conversion.kept:
        return ()
    return (
        f"Left in float to protect accuracy: {', '.join(conversion.kept)}.",
    )


def _learned_ranges(conversion):
    if not conversion.learned:
        return ()
    return (
        f"The ranges of {conversion.learned} tensors were learned in "
        f"training; those of others are from the calibration images.",
    )


def _float32_latency(form, conversion, samples):
    if conversion.float32 is None:
        return None
    return measure_latency(form.open(conversion.float32), samples.first())


def _check_backend(form):
    backend = keras.backend.backend()
    if backend not in form.facts.backends:
        listed = " or ".join(form.facts.backends)
        raise ValueError(
            f"The export to {form.name} must run on the Keras backend "
            f"{listed}. Received: the backend {backend!r}. Install it with "
            f'pip install "kerasseg[{form.facts.extra}]" and set '
            f"KERAS_BACKEND=tensorflow before Keras is imported; weights "
            f"saved on one backend load on another."
        )


def _check_modules(form):
    with quiet():
        for module in form.modules:
            require(module, form.facts.extra)


def _check_labels(labels, frozen):
    names = () if labels is None else labels.class_names
    if not all(map(schema.is_text, names)):
        raise ValueError(
            "`labels` must have printable names for the sidecar. "
            f"Received: class_names={names!r}"
        )
    outputs = getattr(frozen.model, "outputs", None)
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
