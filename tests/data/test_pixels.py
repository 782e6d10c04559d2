import numpy as np
import pytest

from kerasseg.data.pixels import check_pixels


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float16", "float32"])
def test_pixels_from_0_to_255(rng, dtype):
    image = rng.integers(0, 256, (5, 7, 3)).astype(dtype)
    for pixels in (image, image // 128 * 255, np.zeros_like(image)):
        check_pixels(pixels)
    check_pixels(np.ones((5, 7, 3), dtype))
    check_pixels(np.zeros((0, 7, 3), dtype))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda image: image / 255, "from 0 to 1"),
        (lambda image: image / 127.5 - 1, "from -1 to 1"),
        (lambda image: image.astype("uint16") * 257, "from 0 to 65535"),
        (lambda image: np.where(image > 3, image, np.nan), "NaN or infinite"),
        (lambda image: image.astype(bool), "dtype=bool"),
    ],
)
def test_other_values_are_named(change, message):
    image = np.arange(0, 256, 5, dtype="uint8").reshape(2, 26, 1)
    with pytest.raises(
        ValueError, match=rf"Image 3 must .*in 0\.\.255.*{message} of a\.png"
    ):
        check_pixels(change(image), "Image 3", " of a.png")
