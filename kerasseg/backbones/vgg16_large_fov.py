"""VGG-16 backbone with dilated convolutions, as in DeepLab-LargeFOV."""

import keras

from kerasseg.backbones.data_format import channels_last
from kerasseg.backbones.from_model import on_pixels
from kerasseg.backbones.vgg16 import MEAN
from kerasseg.backbones.vgg16 import convolution
from kerasseg.backbones.vgg16 import load_weights
from kerasseg.backbones.vgg16 import transfer_convolutions
from kerasseg.channels import check_image_shape
from kerasseg.channels import per_channel


@channels_last
def vgg16_large_fov(
    image_shape=(None, None, 3), weights=None, dropout=0.5, mean=MEAN
):
    """VGG-16 in its DeepLab-LargeFOV form, at a stride of 8.

    The last two pools do not shrink the map, block 5 is dilated by 2, and fc6
    is a 3x3 convolution dilated by 12. Pools are 3x3 and round sizes up as
    Caffe does, `n` pixels to `ceil((n - 1) / 2) + 1`: 500 pixels become 64
    cells, 321 become 41, and cell `i` is centered at pixel `8 i`.

    Args:
        image_shape: `(height, width, channels)`, 1 to 16 channels; sizes may
            be `None`, any size works. Defaults to `(None, None, 3)`.
        weights: `None` (random), `"imagenet"` (downloaded by Keras) or the
            path of a weights file of `keras.applications.VGG16` with top. Of
            fc6 every third row and column is taken, of fc6 and fc7 every
            fourth channel. Or the path of a NumPy archive, as `kerasseg data
            vgg16_hed` writes it, without fc6 and fc7. For other images than
            RGB the first kernel is adapted, see `with_channels`. Defaults to
            `None`.
        dropout: Float in `[0, 1)`. Dropout after fc6 and fc7. Defaults to
            0.5.
        mean: Three floats. Means of R, G and B that are subtracted. Defaults
            to those of ImageNet's classifier.

    Returns:
        A `keras.Model` from pixels in 0..255 to fc7 (`"P3"`, 1024 channels);
        20,483,904 parameters. Its map has a cell more than the level has
        elsewhere, so decoders that pad to a stride should not.

    Raises:
        ValueError: If `image_shape` is out of its range.

    Reference:
        Chen et al., "Semantic Image Segmentation with Deep Convolutional Nets
        and Fully Connected CRFs", ICLR 2015, section 3.
    """
    image_shape = check_image_shape(image_shape)
    images = keras.Input(image_shape, name="pixels")
    x = images
    for block, (filters, depth, strides, dilation) in enumerate(
        (
            (64, 2, 2, 1),
            (128, 2, 2, 1),
            (256, 3, 2, 1),
            (512, 3, 1, 1),
            (512, 3, 1, 2),
        ),
        start=1,
    ):
        for index in range(1, depth + 1):
            x = convolution(
                filters, 3, f"conv{block}_{index}", dilation_rate=dilation
            )(x)
        x = _pool(x, strides, f"pool{block}")
    # Caffe divides by 9 at the border too, unlike padding="same".
    x = keras.layers.ZeroPadding2D(1, name="pool5a_pad")(x)
    x = keras.layers.AveragePooling2D(3, strides=1, name="pool5a")(x)
    x = convolution(1024, 3, "fc6", dilation_rate=12)(x)
    x = keras.layers.Dropout(dropout, name="fc6_dropout")(x)
    x = convolution(1024, 1, "fc7")(x)
    x = keras.layers.Dropout(dropout, name="fc7_dropout")(x)
    model = keras.Model(images, x, name="vgg16_large_fov")
    if weights is not None:
        load_weights(model, weights, _transfer)
    offset = [-value for value in per_channel(mean, image_shape[2])]
    return on_pixels(model, {"P3": "fc7_dropout"}, offset=offset)[0]


def _pool(x, strides, name):
    if strides == 1:
        return keras.layers.MaxPooling2D(
            3, strides=1, padding="same", name=name
        )(x)
    # Zeros are as good as minus infinity after ReLU. Where one row less would
    # do, the second at the bottom is not reached.
    x = keras.layers.ZeroPadding2D(((1, 2), (1, 2)), name=f"{name}_pad")(x)
    return keras.layers.MaxPooling2D(3, strides=strides, name=name)(x)


def _transfer(classifier, model):
    """Copies the convolutions, and a sample of the dense layers."""
    transfer_convolutions(classifier, model)
    kernel, bias = classifier.get_layer("fc1").get_weights()
    fc6 = model.get_layer("fc6")
    step = len(bias) // fc6.filters
    kernel = kernel.reshape(7, 7, -1, len(bias))
    fc6.set_weights([kernel[::3, ::3, :, ::step], bias[::step]])
    kernel, bias = classifier.get_layer("fc2").get_weights()
    model.get_layer("fc7").set_weights(
        [kernel[None, None, ::step, ::step], bias[::step]]
    )
