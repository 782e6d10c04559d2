"""How much an exported file may differ from its model."""

import dataclasses

from kerasseg.export.errors import ExportError
from kerasseg.export.errors import LossError

MAX_RELATIVE_ERROR = 1e-4
MIN_MASK_AGREEMENT = 0.9999
MAX_MIOU_LOSS = 0.01
MIN_QUANTIZED_AGREEMENT = 0.98


@dataclasses.dataclass(frozen=True)
class Gate:
    """What a file in float16 or int8, or a coarse mask, may cost.

    Where the images of the proof have masks the mean IoU decides, and else
    the share of pixels that keep their class. The share also decides where
    the Keras model has a mean IoU of 1 % or less and may lose all of it, since
    no file could then fail; a `miou_loss` of 1 asks for just that.

    Args:
        miou_loss: Largest fall of the mean IoU, in [0, 1]. Defaults to
            `0.01`, one point.
        mask_agreement: Smallest share of pixels with the class that the
            Keras model gives them, in [0, 1]. Defaults to `0.98`.

    Raises:
        ValueError: If a limit is no share.
    """

    miou_loss: float = MAX_MIOU_LOSS
    mask_agreement: float = MIN_QUANTIZED_AGREEMENT

    def __post_init__(self):
        for name, value in dataclasses.asdict(self).items():
            number = isinstance(value, int | float)
            if not number or not 0 <= value <= 1:
                raise ValueError(
                    f"`{name}` must be a share from 0 to 1. Received: "
                    f"{name}={value!r}"
                )

    def check(self, measures: dict, precision: str, coarse=False) -> str:
        """Refuses a file that lost too much.

        Args:
            measures: Dictionary of `Comparison.result`.
            precision: Number format of the file, for the message.
            coarse: Whether its class ids are those of blocks of pixels, for
                the message. Defaults to `False`.

        Returns:
            Sentence that says what was found and what was allowed.

        Raises:
            LossError: An `ExportError`: if the loss is over the limit.
        """
        before, after = measures["miou_before"], measures["miou_after"]
        if before is None or self._is_blind(before):
            agreement = measures["mask_agreement"]
            passed = agreement >= self.mask_agreement
            found = (
                f"mask agreement {100 * agreement:.2f} %, at least "
                f"{100 * self.mask_agreement:.2f} % required"
            )
            if before is not None:
                found += (
                    f", since a mean IoU of {100 * before:.2f} % in Keras "
                    "shows no loss; the masks may hold classes of another model"
                )
        else:
            passed = before - after <= self.miou_loss
            found = (
                f"mean IoU {100 * before:.2f} % in Keras and "
                f"{100 * after:.2f} % in the file, a loss of at most "
                f"{100 * self.miou_loss:.2f} points allowed"
            )
        if not passed:
            raise LossError(
                f"The {precision} file loses too much by "
                f"{'whole blocks of one class' if coarse else 'quantization'}: "
                f"{found}.{_advice(precision, coarse)}"
            )
        return found

    def _is_blind(self, before):
        """Whether any file would pass by its mean IoU."""
        return self.miou_loss < 1 and before <= min(
            self.miou_loss, MAX_MIOU_LOSS
        )


def check_equal(measures: dict, pixels: int) -> str:
    """Refuses a difference that is more than float32 rounding.

    Args:
        measures: Dictionary of `compare` or `Comparison.result`. Its
            `max_error` is `None` where only class ids were compared.
        pixels: Number of pixels that were compared.

    Returns:
        Sentence that says what was found and what was allowed.

    Raises:
        ExportError: If the largest error is over 1e-4 of the logit range or
            fewer than 99.99 % of the pixels get the same class, ties aside.
    """
    agreement = measures["mask_agreement"]
    untied = agreement + measures["ties"] / pixels
    passed = untied >= MIN_MASK_AGREEMENT
    found = (
        f"mask agreement {100 * agreement:.4f} %, at least "
        f"{100 * MIN_MASK_AGREEMENT:.2f} % required"
    )
    error = measures["max_error"]
    if error is not None:
        limit = MAX_RELATIVE_ERROR * measures["logit_range"]
        passed = passed and error <= limit
        found = (
            f"max logit error {error:.3g}, at most {limit:.3g} allowed "
            f"({MAX_RELATIVE_ERROR} of the logit range "
            f"{measures['logit_range']:.4g}); {found}"
        )
    if not passed:
        raise ExportError(
            f"The exported file differs from the Keras model: {found}."
        )
    return found


def _advice(precision, coarse):
    if coarse:
        return (
            " Images like those that the file will see may lose less than "
            "others; `output='mask'`, on the command line `--output mask`, "
            "loses nothing."
        )
    if precision != "int8":
        return ""
    return (
        " More calibration images, or images more like those of the proof, "
        "may help; a wider limit is `gate=kerasseg.export.Gate(...)`, on the "
        "command line `--max-miou-loss` or `--min-agreement`."
    )
