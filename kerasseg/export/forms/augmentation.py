"""Augmentations as what they are in inference: nothing."""

import keras

from kerasseg.export.forms.borrowed import Borrowed

# Those that return their input in inference. Some draw random numbers all the
# same, which few runtimes have operators for.
_NAMES = (
    *("AugMix", "CutMix", "MixUp", "RandAugment", "RandomBrightness"),
    *("RandomColorDegeneration", "RandomColorJitter", "RandomContrast"),
    *("RandomCrop", "RandomElasticTransform", "RandomErasing", "RandomFlip"),
    *("RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert"),
    *("RandomPerspective", "RandomPosterization", "RandomRotation"),
    *("RandomSaturation", "RandomSharpness", "RandomShear"),
    *("RandomTranslation", "RandomZoom"),
)


class Unchanged(Borrowed):
    """Images as they are."""

    def call(self, inputs, *args, **kwargs):
        del args, kwargs
        return inputs


AUGMENTATIONS = {
    getattr(keras.layers, name): Unchanged
    for name in _NAMES
    if hasattr(keras.layers, name)
}
