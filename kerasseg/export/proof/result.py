"""What a proof found."""

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Proof:
    """A file and its model, compared on images.

    Args:
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
    """

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

    @property
    def relative_error(self) -> float | None:
        """Largest logit error as a share of the logit range."""
        if self.max_error is None:
            return None
        return self.max_error / self.logit_range if self.logit_range else 0.0

    @property
    def miou_loss(self) -> float | None:
        """How much the mean IoU fell, in [0, 1], where there were masks."""
        if self.miou_before is None:
            return None
        return self.miou_before - self.miou_after

    def rows(self) -> list[tuple[str, str]]:
        """Lists what was measured on the images.

        Returns:
            List of `(name, value)` pairs of text.
        """
        agreement = f"{100 * self.mask_agreement:.4f} %"
        if self.ties:
            pixels = "1 pixel" if self.ties == 1 else f"{self.ties} pixels"
            agreement += f", and {pixels} tied"
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
