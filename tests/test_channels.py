"""How many channels images have, and what a kernel makes of them."""

import numpy as np
import pytest

from kerasseg.channels import MOST_CHANNELS
from kerasseg.channels import check_channel_count
from kerasseg.channels import check_image_shape
from kerasseg.channels import first_kernel
from kerasseg.channels import per_channel
from kerasseg.channels import reads_other_channels

COUNTS = (1, 2, 3, 4, 5, 7, 13, 16)


@pytest.mark.parametrize("count", [0, -1, 17, 300, 2.5, "3", True, None])
def test_no_number_of_channels(count):
    with pytest.raises(ValueError, match="from 1 to 16. Received: channels="):
        check_channel_count("channels", count)
    match = "1 to 16 channels, an integer. Received: image_shape="
    with pytest.raises(ValueError, match=match):
        check_image_shape((34, 47, count))


@pytest.mark.parametrize(
    "shape",
    [None, 3, "34x47", (34, 47), (34, 47, 3, 1), (0, 47, 3), (34, 4.7, 3)],
)
def test_no_image_shape(shape):
    with pytest.raises(ValueError, match="must be .height, width, channels."):
        check_image_shape(shape)


def test_image_shapes():
    assert check_image_shape([np.int64(34), None, 5]) == (34, None, 5)
    assert MOST_CHANNELS == 16
    assert check_channel_count("channels", np.int32(16)) == 16


@pytest.mark.parametrize("count", COUNTS)
def test_a_kernel_keeps_the_size_of_responses(rng, count):
    kernel = rng.normal(size=(3, 2, 3, 5)).astype("float32")
    made = first_kernel(kernel, count)
    assert made.shape == (3, 2, count, 5)
    assert made.dtype == "float32"
    if count > 1:
        repeated = kernel[:, :, [i % 3 for i in range(count)]]
        np.testing.assert_allclose(made, repeated * (3 / count), rtol=1e-6)
    if count == 1 or count % 3 == 0:
        # An image whose channels are all the same is seen as it was.
        np.testing.assert_allclose(
            made.sum(2), kernel.sum(2), rtol=1e-4, atol=1e-5
        )


def test_means_of_channels():
    assert per_channel((3.0, 6.0, 12.0), 1) == [7.0]
    assert per_channel((3.0, 6.0, 12.0), 5) == [3.0, 6.0, 12.0, 3.0, 6.0]


def test_which_kernels_read_the_image():
    assert reads_other_channels((3, 3, 3, 8), (3, 3, 5, 8), 5)
    assert not reads_other_channels((3, 3, 3, 8), (3, 3, 3, 8), 3)
    assert not reads_other_channels((3, 3, 3, 8), (3, 3, 5, 9), 5)
    assert not reads_other_channels((3, 3, 3, 8), (3, 3, 5, 8), 4)
    assert not reads_other_channels((3, 8), (5, 8), 5)
