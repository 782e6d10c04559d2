"""What is timed: exported files and the inputs that they take."""

import collections
import dataclasses
from pathlib import Path

import numpy as np

from kerasseg.arguments import check_choice
from kerasseg.benchmark.worker import OPENERS
from kerasseg.export import files
from kerasseg.export.errors import ExportError
from kerasseg.export.proof.images import random_images
from kerasseg.export.proof.integrity import check_bytes
from kerasseg.export.proof.integrity import value
from kerasseg.export.runtimes import check_runtime
from kerasseg.export.sidecar import read_sidecar
from kerasseg.formats import RUNTIMES

IMAGES = 4


@dataclasses.dataclass(frozen=True)
class Target:
    """An exported file, with what must be known to run it.

    `from_file` reads all of it from the sidecar; files of other projects are
    described by hand.

    Args:
        name: Name in tables.
        path: Path of the file, or of the folder of a SavedModel.
        format: `"saved_model"`, `"litert"`, `"onnx"` or `"openvino"`.
        input_shape: Shape of the input, in `layout`.
        layout: `"NHWC"` or `"NCHW"`. Defaults to `"NHWC"`.
        precision: Number format of the file. Defaults to `"float32"`.
        input_dtype: Number format of the pixels. Defaults to `"float32"`.
        input_quantization: `scale` and `zero_point` of the pixels, or `None`
            for float. Defaults to `None`.
        output: `"logits"` or `"mask"`. Defaults to `"logits"`.
        runtime: Another runtime of the format, as `"tensorrt_rtx"` of ONNX
            files. Defaults to `None`.

    Raises:
        ValueError: If no runtime is known for the format, the runtime is for
            another one, or the shape is not that of one image.
    """

    name: str
    path: str
    format: str
    input_shape: tuple[int, ...]
    layout: str = "NHWC"
    precision: str = "float32"
    input_dtype: str = "float32"
    input_quantization: dict | None = None
    output: str = "logits"
    runtime: str | None = None

    def __post_init__(self):
        known = [name for name in OPENERS if name not in RUNTIMES]
        check_choice("format", self.format, known)
        check_runtime(self.runtime, self.format, self.path)
        shape = self.input_shape
        if len(shape) != 4 or not all(isinstance(n, int) for n in shape):
            raise ValueError(
                f"`input_shape` must be four fixed sizes. Received: "
                f"input_shape={shape}"
            )

    @classmethod
    def from_file(cls, path, name: str | None = None) -> "Target":
        """Describes an exported file by its sidecar.

        Args:
            path: Path of the file, or of the folder of a SavedModel.
            name: Name in tables. Defaults to the name of the file.

        Returns:
            A `Target`.

        Raises:
            ValueError: If the sidecar is missing, is no sidecar, or belongs
                to another file.
        """
        path = Path(path)
        if not path.exists():
            raise ValueError(f"`path` must exist. Received: path={str(path)!r}")
        described = read_sidecar(path)
        try:
            check_bytes(path, described)
            entry = {
                key: value(described, "input", key)
                for key in ("shape", "layout", "dtype", "quantization")
            }
            facts = {
                key: value(described, key) for key in ("format", "precision")
            }
            output = value(described, "output", "name")
        except ExportError as error:
            raise ValueError(
                f"`path` must be the file that its sidecar describes: {error} "
                f"Received: path={str(path)!r}"
            ) from error
        return cls(
            name=name or path.name,
            path=str(path),
            input_shape=tuple(entry["shape"]),
            layout=entry["layout"],
            input_dtype=entry["dtype"],
            input_quantization=entry["quantization"],
            output=output,
            **facts,
        )

    @property
    def bytes(self) -> int:
        """Size of the file; of an OpenVINO model, with its weights."""
        return files.size(Path(self.path))

    def inputs(self, count: int = IMAGES, seed: int = 0) -> np.ndarray:
        """Draws images, in the layout and the number format of the file.

        They are smooth, with values 0..255: around zero some runtimes meet
        denormal numbers, which no real image brings.

        Args:
            count: Number of images. Defaults to `4`.
            seed: Seed of the generator. Defaults to `0`.

        Returns:
            Array `(count, *input_shape)`.
        """
        first = self.layout == "NCHW"
        size = self.input_shape[1:]
        if first:
            size = (*size[1:], size[0])
        images = np.stack(random_images(size, count, seed))[:, None]
        if first:
            images = images.transpose(0, 1, 4, 2, 3)
        form = self.input_quantization
        if form is not None:
            limits = np.iinfo(self.input_dtype)
            images = np.round(images / form["scale"]) + form["zero_point"]
            images = np.clip(images, limits.min, limits.max)
        return np.ascontiguousarray(images.astype(self.input_dtype))


def exported_files(folder) -> list[Path]:
    """Finds the exported files of a folder, by their sidecars.

    Args:
        folder: The folder.

    Returns:
        Sorted paths of the files and SavedModels that have a sidecar.
    """
    beside = sorted(Path(folder).glob("*.json"))
    return [path.with_suffix("") for path in beside if _described(path)]


def targets_of(paths) -> list[Target]:
    """Describes exported files, each under a name of its own.

    Args:
        paths: Paths of the files.

    Returns:
        A `Target` for each path. It has the name of the file, with that of
        the folder before it where two are alike.

    Raises:
        ValueError: If a file has no sidecar of its own.
    """
    paths = list(dict.fromkeys(Path(path) for path in paths))
    counts = collections.Counter(path.name for path in paths)
    return [
        Target.from_file(
            path,
            path.name
            if counts[path.name] == 1
            else str(Path(path.absolute().parent.name, path.name)),
        )
        for path in paths
    ]


def _described(sidecar):
    file = sidecar.with_suffix("")
    saved = (file / "saved_model.pb").is_file()
    return saved or (file.is_file() and bool(file.suffix))
