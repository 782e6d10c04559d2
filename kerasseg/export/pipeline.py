"""The steps that every exporter goes through, in order."""

import dataclasses
import hashlib
import importlib.metadata
import logging
import platform
import time
from collections.abc import Callable
from pathlib import Path

import keras

from kerasseg.export import runtimes
from kerasseg.export import sidecar
from kerasseg.export.errors import ExportError
from kerasseg.export.errors import require
from kerasseg.export.quiet import quiet
from kerasseg.export.report import ExportReport
from kerasseg.export.report import write_json
from kerasseg.export.samples import Samples
from kerasseg.export.staging import place
from kerasseg.export.staging import staging_folder
from kerasseg.export.static import Source
from kerasseg.export.static import first_line
from kerasseg.export.static import make_source
from kerasseg.export.verify import DEFAULT_IGNORE_CLASSES
from kerasseg.export.verify import verify

PRECISIONS = ("float32",)
OUTPUTS = ("logits",)

_logger = logging.getLogger("kerasseg.export")


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
        convert: Function of a `Source` and a path that writes the artefact.
        open: Function of a path that returns the artefact as a function
            from an image batch to logits.
        operators: Function of a path that counts the operators.
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


def export(
    form: Format,
    model,
    path,
    *,
    image_shape=None,
    precision="float32",
    output="logits",
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
        precision: `"float32"`. Defaults to `"float32"`.
        output: `"logits"`. Defaults to `"logits"`.
        verify_on: Images for the proof, see `Samples`. Defaults to `None`.
        labels: `kerasseg.data.Labels` for the sidecar. Defaults to those of
            `verify_on`, where it has any.

    Returns:
        An `ExportReport`.

    Raises:
        ValueError: If an argument cannot be honoured.
        ImportError: If a package is missing.
        ExportError: If the conversion or the proof fails.
    """
    start = time.perf_counter()
    path = _checked_path(path, form)
    _check_choice("precision", precision, PRECISIONS)
    _check_choice("output", output, OUTPUTS)
    _check_backend(form)
    source = make_source(model, image_shape)
    labels = getattr(verify_on, "labels", None) if labels is None else labels
    _check_labels(labels, source)
    samples = Samples(source.shape, verify_on)
    with staging_folder(path) as staged:
        _check_modules(form)
        artefact = staged / ("artefact" + form.suffix)
        converted = _timed(_convert, form, source, artefact)
        result = _proven(form, source, artefact, samples, labels)
        report = ExportReport(
            format=form.name,
            path=str(path),
            precision=precision,
            output=output,
            backend=keras.backend.backend(),
            input_shape=source.shape,
            output_shape=result.output_shape,
            images=result.images,
            verified_on=result.verified_on,
            **result.measures,
            operators=form.operators(artefact),
            bytes=artefact_bytes(artefact),
            seconds=time.perf_counter() - start,
            convert_seconds=converted,
            latency_ms=result.latency_ms,
            threads=runtimes.available_threads(),
            versions=_versions(form),
            sha256=artefact_sha256(artefact),
            notes=(*source.notes, *_doubts(result.measures)),
        )
        beside = staged / "sidecar.json"
        write_json(beside, sidecar.describe(report, labels))
        place(staged, [(artefact, path), (beside, sidecar.sidecar_path(path))])
    _logger.info("wrote %s in %.1f s", path, report.seconds)
    return report


def artefact_bytes(path: Path) -> int:
    """Adds up the size of a file, or of all files of a folder.

    Args:
        path: Path of the artefact.

    Returns:
        Number of bytes.
    """
    return sum(file.stat().st_size for file in _files(path))


def artefact_sha256(path: Path) -> str:
    """Hashes a file, or the names and hashes of all files of a folder.

    Args:
        path: Path of the artefact.

    Returns:
        64 hexadecimal digits.
    """
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    for file in _files(path):
        name = file.relative_to(path).as_posix()
        digest.update(f"{name} {artefact_sha256(file)}\n".encode())
    return digest.hexdigest()


def _files(path):
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file())


def _convert(form, source: Source, artefact):
    try:
        with quiet():
            form.convert(source, artefact)
    except (ExportError, ImportError, OSError, MemoryError):
        raise
    except Exception as error:
        raise ExportError(
            f"The conversion to {form.name} failed: {first_line(error)}"
            f"{_training_hint(source)}"
        ) from error


def _proven(form, source, artefact, samples, labels):
    ignored = (
        DEFAULT_IGNORE_CLASSES if labels is None else (labels.ignore_classes)
    )
    try:
        return verify(source, form.open(artefact), samples, ignored)
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


def _doubts(measures):
    """Says so where agreement means little."""
    if measures["logit_range"] > 0:
        return ()
    doubt = (
        "The model returns one and the same logit everywhere, as untrained "
        "models may: the agreement proves nothing."
    )
    _logger.warning(doubt)
    return (doubt,)


def _timed(function, *arguments):
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def _checked_path(path, form):
    path = Path(path).expanduser().absolute()
    if form.suffix and path.suffix != form.suffix:
        raise ValueError(
            f"`path` must end with {form.suffix!r} for {form.name}. "
            f"Received: path={str(path)!r}"
        )
    if form.suffix and path.is_dir():
        raise ValueError(
            f"`path` must be a file name, not a folder. Received: "
            f"path={str(path)!r}"
        )
    if not form.suffix and path.exists() and not _replaceable(path):
        raise ValueError(
            f"`path` must be new, or an empty folder or a SavedModel to "
            f"replace. Received: path={str(path)!r}, which holds something "
            f"else"
        )
    return path


def _replaceable(path):
    return path.is_dir() and (
        (path / "saved_model.pb").exists() or not any(path.iterdir())
    )


def _check_choice(name, value, choices):
    if value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(
            f"`{name}` must be one of {listed} in this release. Received: "
            f"{name}={value!r}"
        )


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
