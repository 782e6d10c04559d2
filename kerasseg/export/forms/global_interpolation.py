"""`GlobalInterpolation` as LiteRT computes it fast."""

from kerasseg.export.forms.borrowed import Borrowed
from kerasseg.layers.global_interpolation import interpolate


class LiteRTInterpolation(Borrowed):
    """The interpolation with a batch dimension.

    Without one, LiteRT puts transpositions around its products.

    Args:
        original: `GlobalInterpolation` that is built.
    """

    def call(self, inputs):
        return interpolate(self.original, inputs, batched=True)
