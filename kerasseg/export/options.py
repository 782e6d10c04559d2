"""What a user chose about an exported file, besides its format."""

import dataclasses

from kerasseg.arguments import check_choice
from kerasseg.export.proof.gate import Gate
from kerasseg.export.proof.images import Calibration
from kerasseg.formats import INTEGERS

OUTPUTS = ("logits", "mask", "coarse_mask")
MAX_MASK_CLASSES = 256


@dataclasses.dataclass(frozen=True)
class ExportOptions:
    """Number format, ends and limits of one exported file.

    Args:
        precision: `"float32"`, `"float16"`, `"int8"` or `"mixed"`. Defaults
            to `"float32"`.
        output: `"logits"`, or `"mask"` for class ids. Defaults to
            `"logits"`.
        layout: `"NHWC"` or `"NCHW"` of input and output. Defaults to
            `"NHWC"`.
        input_dtype: Number format of the pixels, or `None` for the first one
            that the format has. Defaults to `None`.
        calibration: Images that show what values occur, for `"int8"` and
            `"mixed"`. Defaults to `None`.
        gate: `Gate` for all precisions but `"float32"`, or `None` for the
            default limits. Defaults to `None`.
        coarse: Whether the class ids are those of cells, chosen before the
            last upsampling. Defaults to `False`; `resolve` sets it for the
            output `"coarse_mask"`, which is a `"mask"` then.
        channels: Names of the channels of the images, or `None` for those
            that are usual. Defaults to `None`.
        rounds: Whether the runtime may round more than the file says, as
            GPUs do. Defaults to `False`.
    """

    precision: str = "float32"
    output: str = "logits"
    layout: str = "NHWC"
    input_dtype: str | None = None
    calibration: object = None
    gate: Gate | None = None
    coarse: bool = False
    channels: tuple[str, ...] | None = None
    rounds: bool = False

    @property
    def exact(self) -> bool:
        """Whether the file returns what the model returns, up to rounding."""
        exact = self.precision == "float32" and not self.coarse
        return exact and not self.rounds

    @property
    def limits(self) -> Gate:
        """The `Gate` that holds."""
        return self.gate or Gate()

    def file_shape(self, shape) -> tuple[int, ...]:
        """Orders a shape as the file does.

        Args:
            shape: Shape of an array, channels last.

        Returns:
            The shape in the layout of the file.
        """
        if self.layout == "NCHW" and len(shape) == 4:
            return (shape[0], shape[3], shape[1], shape[2])
        return tuple(shape)


def resolve(options: ExportOptions, form) -> ExportOptions:
    """Checks the choices and fills in what was left open.

    Args:
        options: The `ExportOptions` that the user asked for.
        form: The `Format` to write.

    Returns:
        A `ExportOptions` that the format has.

    Raises:
        ValueError: If a choice does not exist or two are in conflict.
        TypeError: If the gate is something else.
    """
    check_choice("precision", options.precision, tuple(form.facts.precisions))
    check_choice("output", options.output, OUTPUTS)
    check_choice("layout", options.layout, form.facts.layouts)
    dtypes = form.facts.precisions[options.precision]
    if options.input_dtype is not None:
        check_choice("input_dtype", options.input_dtype, dtypes)
    _check_calibration(options)
    if options.gate is not None and not isinstance(options.gate, Gate):
        raise TypeError(
            f"`gate` must be a kerasseg.export.Gate. Received: "
            f"gate={options.gate!r} (of type {type(options.gate).__name__})"
        )
    coarse = options.output == "coarse_mask"
    return dataclasses.replace(
        options,
        input_dtype=options.input_dtype or dtypes[0],
        output="mask" if coarse else options.output,
        coarse=coarse,
    )


def with_images(options: ExportOptions, shape) -> ExportOptions:
    """Turns the user's calibration images into batches of the file's shape.

    Args:
        options: A resolve `ExportOptions`.
        shape: `(1, height, width, channels)` of the exported input.

    Returns:
        The `ExportOptions` with a `Calibration`, where it needs one.
    """
    if options.calibration is None:
        return options
    images = Calibration(shape, options.calibration)
    return dataclasses.replace(options, calibration=images)


def check_classes(options: ExportOptions, num_classes: int) -> None:
    """Refuses class ids that do not fit into the mask.

    Args:
        options: A resolve `ExportOptions`.
        num_classes: Number of classes of the model.

    Raises:
        ValueError: If there are too many for `uint8`.
    """
    if options.output == "mask" and num_classes > MAX_MASK_CLASSES:
        raise ValueError(
            f"`output` must be 'logits' for more than {MAX_MASK_CLASSES} "
            f"classes, since a mask is uint8. Received: output='mask' for "
            f"{num_classes} classes"
        )


def _check_calibration(options):
    needed = options.precision in INTEGERS
    if needed and options.calibration is None:
        raise ValueError(
            f"`calibration` must be a dataset or images for "
            f"precision={options.precision!r}: they show what values occur "
            f"in the model. Received: calibration=None"
        )
    if not needed and options.calibration is not None:
        raise ValueError(
            f"`calibration` must be None unless precision='int8' or 'mixed'. "
            f"Received: calibration of type "
            f"{type(options.calibration).__name__} for "
            f"precision={options.precision!r}"
        )
