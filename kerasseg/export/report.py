"""What was measured on an exported file: by its export, or again later."""

import dataclasses
import json

from kerasseg.export.proof.result import Proof
from kerasseg.files import atomic_json

MIN_SHOWN_SHARE = 0.05
OUTPUT_OPERATORS = ("Resize", "ArgMax")


@dataclasses.dataclass(frozen=True, kw_only=True)
class File:
    """Which file it is.

    Args:
        format: Name of the format, as in `kerasseg.formats`.
        path: Path of the file, or of the folder of a SavedModel.
        precision: Number format of the weights and of the computation.
        output: What the file returns: `"logits"`, or `"mask"` for class ids.
        stride: Pixels per side of the blocks of a coarse mask. Defaults to
            `1`: each pixel has a class id of its own.
    """

    format: str
    path: str
    precision: str
    output: str
    stride: int = 1

    def blocks(self) -> str:
        """Says in which blocks of pixels the class ids come.

        Returns:
            End of a sentence; nothing where each pixel has its own.
        """
        if self.stride == 1:
            return ""
        return f", in blocks of {self.stride}x{self.stride} pixels"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Artifact(File):
    """An exported file as it was written.

    Args:
        format: See `File`.
        path: See `File`.
        precision: See `File`.
        output: See `File`.
        stride: See `File`. Defaults to `1`.
        backend: Keras backend that the model was exported from.
        input_shape: Shape of the input, in `layout`.
        output_shape: Shape of the output: logits in `layout`, or
            `(1, height, width)` of a mask.
        layout: `"NHWC"` or `"NCHW"`.
        input_dtype: Number format of the pixels.
        output_dtype: Number format of the output.
        num_classes: Number of classes.
        operators: Operator names and how often each is in the file.
        bytes: Size of the artifact.
        sha256: Hash of the file; of a folder, hash of the names and hashes
            of its files.
        versions: Package names and versions that took part.
        input_quantization: `scale` and `zero_point` of the pixels, with
            `real = scale * (integer - zero_point)`, or `None` for float.
            Defaults to `None`.
        output_quantization: The same of the logits. Defaults to `None`.
        worst_layers: Pairs of the name of a quantized layer and its error,
            see `quantization.LayerError`, largest first. Defaults to none.
    """

    backend: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    layout: str
    input_dtype: str
    output_dtype: str
    num_classes: int
    operators: dict[str, int]
    bytes: int
    sha256: str
    versions: dict[str, str]
    input_quantization: dict | None = None
    output_quantization: dict | None = None
    worst_layers: tuple[tuple[str, float], ...] = ()

    def rows(self) -> list[tuple[str, str]]:
        """Lists what the file is.

        Returns:
            List of `(name, value)` pairs of text.
        """
        return [
            ("format", f"{self.format} {self.precision}, from {self.backend}"),
            ("path", self.path),
            (
                "input",
                f"images {_shape(self.input_shape)} {self.layout} "
                f"{self.input_dtype}, 0..255" + _scale(self.input_quantization),
            ),
            (
                "output",
                f"{self.output} {_shape(self.output_shape)} "
                f"{self.output_dtype}"
                + _scale(self.output_quantization)
                + self.blocks(),
            ),
        ]

    def counts(self) -> list[tuple[str, str]]:
        """Lists the operators of the file, where it names them.

        Returns:
            A row for the table, or none.
        """
        if not self.operators:
            return []
        return [("operators", _pairs(self.operators))]

    def worst(self) -> list[tuple[str, str]]:
        """Lists the layers that lost most by quantization.

        Returns:
            A row for the table, or none.
        """
        if not self.worst_layers:
            return []
        errors = (f"{name} {error:.2f}" for name, error in self.worst_layers)
        return [("worst layers", f"{', '.join(errors)} (error in steps)")]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Latency:
    """How long the file takes.

    Args:
        latency_ms: Median time of one image in the runtime, or `None` for a
            file that was not run.
        threads: Threads that the runtime was given.
    """

    latency_ms: float | None
    threads: int

    def rows(self) -> list[tuple[str, str]]:
        """Lists the time of one image.

        Returns:
            List of `(name, value)` pairs of text.
        """
        if self.latency_ms is None:
            return [("latency", "not measured: the file was not run")]
        text = f"{self.latency_ms:.1f} ms, {self.threads} threads"
        return [("latency", text)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Timing(Latency):
    """How long the file and its export take.

    Args:
        latency_ms: See `Latency`.
        threads: See `Latency`.
        seconds: Duration of the export with its proof.
        convert_seconds: Part of `seconds` spent on tracing and converting.
        time_shares: Share of the time of each operator, in [0, 1], where the
            runtime tells it: what resizing and the argmax of a mask cost.
            Defaults to `None`.
        float32_latency_ms: Median time of one image in the same runtime with
            the same graph in float32, where the conversion left one.
            Defaults to `None`.
    """

    seconds: float
    convert_seconds: float
    time_shares: dict[str, float] | None = None
    float32_latency_ms: float | None = None

    @property
    def speedup(self) -> float | None:
        """How many times as fast as in float32 the file runs."""
        if self.float32_latency_ms is None:
            return None
        return self.float32_latency_ms / self.latency_ms

    def rows(self) -> list[tuple[str, str]]:
        """Lists the time of one image, and against float32.

        Returns:
            List of `(name, value)` pairs of text.
        """
        ((name, text),) = super().rows()
        if self.speedup is not None:
            text += (
                f", {self.speedup:.2f} times as fast as float32 "
                f"({self.float32_latency_ms:.1f} ms)"
            )
        return [(name, text)]

    def shares(self) -> list[tuple[str, str]]:
        """Lists what the time is spent on.

        Returns:
            A row for the table, or none.
        """
        if not self.time_shares:
            return []
        shares = [
            f"{name} {100 * share:.0f} %"
            for name, share in self.time_shares.items()
            if share >= MIN_SHOWN_SHARE or name in OUTPUT_OPERATORS
        ]
        return [("time spent on", ", ".join(shares))]


class _Report:
    """A report of several parts, whose figures are read from it as well."""

    PARTS: dict[str, type]

    def __getattr__(self, name):
        for part in self.PARTS:
            if part in vars(self) and hasattr(vars(self)[part], name):
                return getattr(vars(self)[part], name)
        raise AttributeError(
            f"{type(self).__name__!r} object has no attribute {name!r}"
        )

    def to_json(self) -> dict:
        """Lists the figures of all parts side by side, with tuples as lists.

        Returns:
            A dictionary that `json.dumps` accepts.
        """
        content = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name in self.PARTS:
                content.update(dataclasses.asdict(value))
            else:
                content[field.name] = value
        return json.loads(json.dumps(content))

    def save(self, path) -> None:
        """Writes the report as JSON, whole or not at all.

        Args:
            path: Path of the JSON file.
        """
        atomic_json(path, self.to_json())

    def __str__(self) -> str:
        rows = self.rows()
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportReport(_Report):
    """Proof that an exported file computes what the Keras model computes.

    All figures were taken on the written file in its own runtime. It prints
    as a table, and each figure of its parts is an attribute of the report
    too, as in `report.mask_agreement`.

    Args:
        artifact: `Artifact`: path, format, input, output, operators, size,
            hash and versions.
        proof: `Proof`: on what the file was compared with the model, and
            with what result.
        timing: `Timing`: latency, and how long the export took.
        notes: Sentences on what the reader should know. Defaults to none.
    """

    PARTS = {"artifact": Artifact, "proof": Proof, "timing": Timing}

    artifact: Artifact
    proof: Proof
    timing: Timing
    notes: tuple[str, ...] = ()

    def placed(self, path, seconds: float) -> "ExportReport":
        """Says where the file went, and when.

        Args:
            path: Path of the file.
            seconds: Duration of the export with its proof.

        Returns:
            A new `ExportReport`.
        """
        return dataclasses.replace(
            self,
            artifact=dataclasses.replace(self.artifact, path=str(path)),
            timing=dataclasses.replace(self.timing, seconds=seconds),
        )

    @classmethod
    def from_json(cls, fields: dict) -> "ExportReport":
        """Rebuilds a report from `to_json()`.

        Args:
            fields: The dictionary that `to_json` returned.

        Returns:
            An equal `ExportReport`.
        """
        fields = dict(fields)
        for name in ("input_shape", "output_shape", "notes"):
            fields[name] = tuple(fields[name])
        pairs = fields.get("worst_layers", ())
        fields["worst_layers"] = tuple(tuple(pair) for pair in pairs)
        parts = {
            part: kind(
                **{
                    field.name: fields.pop(field.name)
                    for field in dataclasses.fields(kind)
                    if field.name in fields
                }
            )
            for part, kind in cls.PARTS.items()
        }
        return cls(**parts, **fields)

    def rows(self) -> list[tuple[str, str]]:
        """Lists the report as a reader's table.

        Returns:
            List of `(name, value)` pairs of text.
        """
        artifact, timing = self.artifact, self.timing
        took = (
            f"{timing.seconds:.1f} s, {timing.convert_seconds:.1f} s of it "
            f"conversion"
        )
        return [
            *artifact.rows(),
            *self.proof.rows(),
            *artifact.counts(),
            ("size", f"{artifact.bytes / 1e6:.2f} MB"),
            *timing.rows(),
            *artifact.worst(),
            *timing.shares(),
            ("export took", took),
            ("versions", _pairs(artifact.versions)),
            ("sha256", artifact.sha256),
            *(("note", note) for note in self.notes),
        ]


@dataclasses.dataclass(frozen=True, kw_only=True)
class VerificationReport(_Report):
    """Proof that a file computes what a Keras model computes.

    It prints as a table, and each figure of its parts is an attribute of the
    report too, as in `report.mask_agreement`.

    Args:
        file: `File`: path, format, precision and output.
        against: Name of the Keras model.
        checks: Sentences on what was checked before the file ran.
        proof: `Proof`: on what the file was compared with the model, and
            with what result.
        timing: `Latency` of one image.
        notes: Sentences on what the reader should know. Defaults to none.
    """

    PARTS = {"file": File, "proof": Proof, "timing": Latency}

    file: File
    against: str
    checks: tuple[str, ...]
    proof: Proof
    timing: Latency
    notes: tuple[str, ...] = ()

    def rows(self) -> list[tuple[str, str]]:
        """Lists the report as a reader's table.

        Returns:
            List of `(name, value)` pairs of text.
        """
        file = self.file
        form = f"{file.format} {file.precision}, {file.output}{file.blocks()}"
        return [
            ("file", file.path),
            ("format", form),
            ("against", self.against),
            *(("checked", check) for check in self.checks),
            *self.proof.rows(),
            *self.timing.rows(),
            *(("note", note) for note in self.notes),
        ]


def _shape(shape):
    return "x".join(str(size) for size in shape)


def _pairs(items):
    return ", ".join(f"{name} {value}" for name, value in items.items())


def _scale(quantization):
    if quantization is None:
        return ""
    return (
        f" (scale {quantization['scale']:.6g}, zero point "
        f"{quantization['zero_point']})"
    )
