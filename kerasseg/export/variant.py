"""What a user chose about an exported file, besides its format."""

import dataclasses

from kerasseg.export.calibration import Calibration
from kerasseg.export.gate import Gate

OUTPUTS = ("logits", "mask", "coarse_mask")
# Precisions with integers, which calibration images must scale.
ROUNDED = ("int8", "mixed")
MAX_MASK_CLASSES = 256


@dataclasses.dataclass(frozen=True)
class Variant:
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
            last upsampling. Defaults to `False`; `settled` sets it for the
            output `"coarse_mask"`, which is a `"mask"` then.
    """

    precision: str = "float32"
    output: str = "logits"
    layout: str = "NHWC"
    input_dtype: str | None = None
    calibration: object = None
    gate: Gate | None = None
    coarse: bool = False

    @property
    def exact(self) -> bool:
        """Whether the file returns what the model returns, up to rounding."""
        return self.precision == "float32" and not self.coarse

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


def settled(variant: Variant, form) -> Variant:
    """Checks the choices and fills in what was left open.

    Args:
        variant: The `Variant` that the user asked for.
        form: The `Format` to write.

    Returns:
        A `Variant` that the format has.

    Raises:
        ValueError: If a choice does not exist or two are in conflict.
        TypeError: If the gate is something else.
    """
    _check_choice("precision", variant.precision, tuple(form.precisions))
    _check_choice("output", variant.output, OUTPUTS)
    _check_choice("layout", variant.layout, form.layouts)
    dtypes = form.precisions[variant.precision]
    if variant.input_dtype is not None:
        _check_choice(
            "input_dtype",
            variant.input_dtype,
            dtypes,
            f" for {form.name} in {variant.precision}",
        )
    _check_calibration(variant)
    if variant.gate is not None and not isinstance(variant.gate, Gate):
        raise TypeError(
            f"`gate` must be a kerasseg.export.Gate. Received: "
            f"gate={variant.gate!r} (of type {type(variant.gate).__name__})"
        )
    coarse = variant.output == "coarse_mask"
    return dataclasses.replace(
        variant,
        input_dtype=variant.input_dtype or dtypes[0],
        output="mask" if coarse else variant.output,
        coarse=coarse,
    )


def with_images(variant: Variant, shape) -> Variant:
    """Turns the user's calibration images into batches of the file's shape.

    Args:
        variant: A settled `Variant`.
        shape: `(1, height, width, channels)` of the exported input.

    Returns:
        The `Variant` with a `Calibration`, where it needs one.
    """
    if variant.calibration is None:
        return variant
    images = Calibration(shape, variant.calibration)
    return dataclasses.replace(variant, calibration=images)


def check_classes(variant: Variant, num_classes: int) -> None:
    """Refuses class ids that do not fit into the mask.

    Args:
        variant: A settled `Variant`.
        num_classes: Number of classes of the model.

    Raises:
        ValueError: If there are too many for `uint8`.
    """
    if variant.output == "mask" and num_classes > MAX_MASK_CLASSES:
        raise ValueError(
            f"`output` must be 'logits' for more than {MAX_MASK_CLASSES} "
            f"classes, since a mask is uint8. Received: output='mask' for "
            f"{num_classes} classes"
        )


def _check_choice(name, value, choices, where=""):
    if value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(
            f"`{name}` must be one of {listed}{where} in this release. "
            f"Received: {name}={value!r}"
        )


def _check_calibration(variant):
    needed = variant.precision in ROUNDED
    if needed and variant.calibration is None:
        raise ValueError(
            f"`calibration` must be a data set or images for "
            f"precision={variant.precision!r}: they show what values occur "
            f"in the model. Received: calibration=None"
        )
    if not needed and variant.calibration is not None:
        raise ValueError(
            f"`calibration` must be None unless precision='int8' or 'mixed'. "
            f"Received: calibration of type "
            f"{type(variant.calibration).__name__} for "
            f"precision={variant.precision!r}"
        )
