"""The models of the page: exported files, made where they are missing."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from kerasseg.cli.entry import load_model
from kerasseg.cli.errors import Failure
from kerasseg.cli.errors import UsageError
from kerasseg.cli.output import echo


def named_models(
    entries: Iterable[str], image_shape: tuple[int, int] | None
) -> dict[str, "_File | _Export"]:
    """The models of a page, checked as far as they can be in no time.

    Args:
        entries: Names of entries, folders of saved models, and `.onnx` files
            with their sidecars.
        image_shape: Height and width of the images that the entries take, or
            `None` for those they were trained at.

    Returns:
        Dictionary from the name on the page to the model: its `channels`, and
        `file()`, which exports it unless it is exported already.

    Raises:
        UsageError: If an entry has no weights, a file is not that of its
            sidecar, the page cannot show the model, or `image_shape` is given
            and there are files alone.
        ValueError: If there is no such entry.
    """
    models = {}
    for entry in entries:
        if entry.endswith(".onnx") and Path(entry).is_file():
            model = _File(entry)
        else:
            model = _Export(entry, image_shape)
        name, number = model.name, 2
        while name in models:
            name, number = f"{model.name}_{number}", number + 1
        models[name] = model
    if image_shape and all(isinstance(m, _File) for m in models.values()):
        raise UsageError(
            "--image-shape is for entries, and an .onnx file keeps its size: "
            f"{', '.join(str(m.file()) for m in models.values())}"
        )
    return models


class _File:
    """A model that was exported before."""

    def __init__(self, path):
        from kerasseg.export import read_sidecar
        from kerasseg.files import sha256

        self._path = Path(path)
        self.name = self._path.stem
        sidecar = read_sidecar(path)
        if sidecar["sha256"] != sha256(path):
            raise UsageError(f"{path}.json describes another file than {path}")
        shape = sidecar["input"]["shape"]
        self.channels = shape[sidecar["input"]["layout"].index("C")]
        _check_channels(path, self.channels)

    def file(self):
        return self._path


class _Export:
    """A model that is exported into the cache, unless it is there."""

    def __init__(self, entry, image_shape):
        from kerasseg import zoo

        record = zoo.info(entry)
        if not record.is_trained:
            load_model(entry)  # Which says so.
        self._entry, self._labels = record.origin or entry, record.labels
        self.name = Path(record.name).name
        self.channels = record.image_shape[2]
        _check_channels(entry, self.channels)
        self._shape = (*(image_shape or record.image_shape[:2]), self.channels)
        if None in self._shape:
            raise UsageError(
                f"{entry} takes images of any size; give the size that the "
                "page brings them to with --image-shape HxW"
            )
        self._path = _cached(entry, record, self._shape)

    def file(self):
        from kerasseg import export

        if _is_whole(self._path):
            return self._path
        echo(f"exporting {self._entry} to ONNX, once ...", flush=True)
        model = load_model(self._entry)
        try:
            report = export.to_onnx(
                model, self._path, image_shape=self._shape, labels=self._labels
            )
        except export.ExportError as error:
            raise Failure(f"{self._entry}: not exported: {error}") from error
        echo(
            f"  max logit error {report.max_error:.1e}, mask agreement "
            f"{100 * report.mask_agreement:.4f} %, on {report.images} "
            f"{report.verified_on}"
        )
        return self._path


def _cached(entry, record, shape):
    """Where the file of an entry lies: elsewhere once anything changes."""
    import kerasseg
    from kerasseg.files import cache_folder

    digest = hashlib.sha256()
    facts = (kerasseg.__version__, shape, record.to_json())
    digest.update(repr(facts).encode())
    saved = Path(entry, "entry.json")
    if record.builder == "saved" and saved.is_file():
        digest.update(saved.read_bytes())
    folder = cache_folder() / "exports" / digest.hexdigest()[:12]
    return folder / f"{Path(record.name).name}.onnx"


def _is_whole(path):
    """Whether a file of the cache is there, and still what was exported."""
    from kerasseg.export import read_sidecar
    from kerasseg.files import sha256

    try:
        return path.is_file() and read_sidecar(path)["sha256"] == sha256(path)
    except ValueError:
        return False


def _check_channels(name, channels):
    if channels not in (1, 3):
        raise UsageError(
            f"{name} takes images of {channels} channels, and a browser has 1 "
            "or 3"
        )
