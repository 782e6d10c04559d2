"""What was measured on an exported file: by its export, or again later."""

import dataclasses
import json

from kerasseg.atomic import atomic_json

MIN_SHOWN_SHARE = 0.05
OUTPUT_OPERATORS = ("Resize", "ArgMax")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Proof:
    """What an export and a verification both measure on the images."""

    format: str
    path: str
    precision: str
    output: str
    images: int
    verified_on: str
    max_error: float | None
    mean_error: float | None
    logit_range: float
    mask_agreement: float
    ties: int
    miou_before: float | None
    miou_after: float | None
    gate: str
    latency_ms: float
    threads: int
    notes: tuple[str, ...] = ()
    stride: int = 1

    @property
    def relative_error(self) -> float | None:
        """Largest logit error as a share of the logit range."""
        if self.max_error is None:
            return None
        return self.max_error / self.logit_range if self.logit_range else 0.0

    @property
    def miou_loss(self) -> float | None:
        """How much the mean IoU fell, in [0, 1], where there were labels."""
        if self.miou_before is None:
            return None
        return self.miou_before - self.miou_after

    def to_json(self) -> dict:
        """Lists the fields, with tuples as lists.

        Returns:
            A dictionary that `json.dumps` accepts.
        """
        return json.loads(json.dumps(dataclasses.asdict(self)))

    def save(self, path) -> None:
        """Writes the report as JSON, whole or not at all.

        Args:
            path: Path of the JSON file.
        """
        atomic_json(path, self.to_json())

    def rows(self) -> list[tuple[str, str]]:
        """Lists what was measured on the images.

        Returns:
            List of `(name, value)` pairs of text.
        """
        agreement = f"{100 * self.mask_agreement:.4f} %"
        if self.ties:
            agreement += f", and {self.ties} pixels tied"
        rows = [
            ("verified on", f"{self.images} images: {self.verified_on}"),
            *self._errors(),
            ("mask agreement", agreement),
        ]
        if self.miou_before is not None:
            before, after = 100 * self.miou_before, 100 * self.miou_after
            score = f"{before:.2f} % in Keras, {after:.2f} % in the file"
            rows.append(("mean IoU", score))
        return [*rows, ("proof", self.gate)]

    def _errors(self):
        if self.max_error is None:
            return []
        error = (
            f"{self.max_error:.3g} ({self.relative_error:.2g} of the range "
            f"{self.logit_range:.4g})"
        )
        return [
            ("max logit error", error),
            ("mean logit error", f"{self.mean_error:.3g}"),
        ]

    def _cells(self):
        if self.stride == 1:
            return ""
        return f", in cells of {self.stride}x{self.stride} pixels"

    def __str__(self) -> str:
        rows = self.rows()
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportReport(_Proof):
    """Proof that an exported file computes what the Keras model computes.

    All figures were taken on the written file in its own runtime. It prints
    as a table.

    Args:
        format: `"saved_model"`, `"litert"` or `"onnx"`.
        path: Path of the file, or of the folder of a SavedModel.
        precision: Number format of the weights and of the computation.
        output: What the file returns: `"logits"`, or `"mask"` for class ids.
        images: Number of images that file and model were compared on.
        verified_on: Where these images came from.
        max_error: Largest absolute difference of two logits, or `None` for a
            mask.
        mean_error: Mean absolute difference of the logits, or `None`.
        logit_range: Largest minus smallest logit of the Keras model.
        mask_agreement: Share of pixels given the same class, in [0, 1].
        ties: Number of pixels given another class where the model's own two
            logits are equal up to rounding.
        miou_before: Mean IoU of the Keras model, in [0, 1], or `None` where
            no labels were given.
        miou_after: Mean IoU of the file on the same images, or `None`.
        gate: Sentence on what the proof found and what it allowed.
        latency_ms: Median time of one image in the runtime.
        threads: Threads that the runtime was given.
        notes: Sentences on what the reader should know. Defaults to none.
        stride: Pixels per side of the cells of a coarse mask. Defaults to
            `1`: each pixel has a class id of its own.
        backend: Keras backend that the model was exported from.
        input_shape: Shape of the input, in `layout`.
        output_shape: Shape of the output: logits in `layout`, or
            `(1, height, width)` of a mask.
        operators: Operator names and how often each is in the file.
        bytes: Size of the artefact.
        seconds: Duration of the export with its proof.
        convert_seconds: Part of `seconds` spent on tracing and converting.
        versions: Package names and versions that took part.
        sha256: Hash of the file; of a folder, hash of the names and hashes
            of its files.
        num_classes: Number of classes.
        layout: `"NHWC"` or `"NCHW"`.
        input_dtype: Number format of the pixels.
        output_dtype: Number format of the output.
        input_quantization: `scale` and `zero_point` of the pixels, with
            `real = scale * (integer - zero_point)`, or `None` for real
            numbers. Defaults to `None`.
        output_quantization: The same of the logits. Defaults to `None`.
        time_shares: Share of the time of each operator, in [0, 1], where the
            runtime tells it: what resizing and the argmax of a mask cost.
            Defaults to `None`.
        float32_latency_ms: Median time of one image in the same runtime with
            the same graph in float32, where the conversion left one.
            Defaults to `None`.
        worst_layers: Pairs of the name of a rounded layer and its error, see
            `rounding.Layer`, largest first. Defaults to none.
    """

    backend: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    operators: dict[str, int]
    bytes: int
    seconds: float
    convert_seconds: float
    versions: dict[str, str]
    sha256: str
    num_classes: int
    layout: str
    input_dtype: str
    output_dtype: str
    input_quantization: dict | None = None
    output_quantization: dict | None = None
    time_shares: dict[str, float] | None = None
    float32_latency_ms: float | None = None
    worst_layers: tuple[tuple[str, float], ...] = ()

    @property
    def speedup(self) -> float | None:
        """How many times as fast as in float32 the file runs."""
        if self.float32_latency_ms is None:
            return None
        return self.float32_latency_ms / self.latency_ms

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
        return cls(**fields)

    def rows(self) -> list[tuple[str, str]]:
        """Lists the report as a reader's table.

        Returns:
            List of `(name, value)` pairs of text.
        """
        rows = [
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
                + self._cells(),
            ),
            *super().rows(),
        ]
        return (
            rows
            + [
                ("operators", _pairs(self.operators)),
                ("size", f"{self.bytes / 1e6:.2f} MB"),
                (
                    "latency",
                    f"{self.latency_ms:.1f} ms, {self.threads} threads"
                    + self._gain(),
                ),
                *self._worst(),
                *self._shares(),
                (
                    "export took",
                    f"{self.seconds:.1f} s, {self.convert_seconds:.1f} s of it "
                    f"conversion",
                ),
                (
                    "versions",
                    _pairs(self.versions),
                ),
                ("sha256", self.sha256),
            ]
            + [("note", note) for note in self.notes]
        )

    def _gain(self):
        if self.speedup is None:
            return ""
        return (
            f", {self.speedup:.2f} times as fast as float32 "
            f"({self.float32_latency_ms:.1f} ms)"
        )

    def _worst(self):
        if not self.worst_layers:
            return []
        errors = (f"{name} {error:.2f}" for name, error in self.worst_layers)
        return [("worst layers", f"{', '.join(errors)} (error in steps)")]

    def _shares(self):
        if not self.time_shares:
            return []
        shares = [
            f"{name} {100 * share:.0f} %"
            for name, share in self.time_shares.items()
            if share >= MIN_SHOWN_SHARE or name in OUTPUT_OPERATORS
        ]
        return [("time spent on", ", ".join(shares))]


@dataclasses.dataclass(frozen=True, kw_only=True)
class VerificationReport(_Proof):
    """Proof that a file computes what a Keras model computes.

    It prints as a table.

    Args:
        format: `"saved_model"`, `"litert"`, `"onnx"`, `"openvino"` or
            `"tensorrt"`.
        path: Path of the file, or of the folder of a SavedModel.
        precision: Number format of the file.
        output: `"logits"`, or `"mask"` for class ids.
        images: Number of images that file and model were compared on.
        verified_on: Where these images came from.
        max_error: Largest absolute difference of two logits, or `None` for a
            mask.
        mean_error: Mean absolute difference of the logits, or `None`.
        logit_range: Largest minus smallest logit of the Keras model.
        mask_agreement: Share of pixels given the same class, in [0, 1].
        ties: Number of pixels given another class where the model's own two
            logits are equal up to rounding.
        miou_before: Mean IoU of the Keras model, in [0, 1], or `None` where
            no masks were given.
        miou_after: Mean IoU of the file on the same images, or `None`.
        gate: Sentence on what the proof found and what it allowed.
        latency_ms: Median time of one image in the runtime.
        threads: Threads that the runtime was given.
        notes: Sentences on what the reader should know. Defaults to none.
        stride: Pixels per side of the cells of a coarse mask. Defaults to
            `1`: each pixel has a class id of its own.
        against: Name of the Keras model.
        checks: Sentences on what was checked before it ran.
    """

    against: str
    checks: tuple[str, ...]

    def rows(self) -> list[tuple[str, str]]:
        """Lists the report as a reader's table.

        Returns:
            List of `(name, value)` pairs of text.
        """
        form = f"{self.format} {self.precision}, {self.output}{self._cells()}"
        return [
            ("file", self.path),
            ("format", form),
            ("against", self.against),
            *(("checked", check) for check in self.checks),
            *super().rows(),
            ("latency", f"{self.latency_ms:.1f} ms, {self.threads} threads"),
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
