"""VGG-16 backbone."""

import keras

from kerasseg.arguments import check_choice
from kerasseg.backbones.archive import load_archive
from kerasseg.backbones.data_format import channels_last
from kerasseg.backbones.from_model import from_model
from kerasseg.backbones.from_model import on_pixels
from kerasseg.channels import check_image_shape
from kerasseg.channels import first_kernel
from kerasseg.channels import per_channel

# ImageNet means of R, G, B that the published weights were trained with.
MEAN = (123.68, 116.779, 103.939)
ARCHIVE = ".npz"
TAPS = {
    "conv": ("conv2_2", "conv3_3", "conv4_3", "conv5_3", "fc7_dropout"),
    "pool": ("pool1", "pool2", "pool3", "pool4", "fc7_dropout"),
}


@channels_last
def vgg16(
    image_shape=(None, None, 3),
    weights=None,
    dropout=0.5,
    taps="conv",
    padding="same",
    mean=MEAN,
):
    """VGG-16 with its fully connected layers as convolutions.

    Args:
        image_shape: `(height, width, channels)`, 1 to 16 channels; sizes may
            be `None`, else they must be multiples of 32 with
            `padding="same"`. Defaults to `(None, None, 3)`.
        weights: `None` (random), `"imagenet"` (downloaded by Keras) or the
            path of a weights file of `keras.applications.VGG16` with top, or
            of a NumPy archive, as `kerasseg data vgg16_hed` writes it, in
            which fc6 and fc7 may be missing and are random then. For other
            images than RGB the first kernel is adapted, see `with_channels`.
            Defaults to `None`.
        dropout: Float in `[0, 1)`. Dropout after fc6 and fc7. Defaults to
            0.5.
        taps: `"conv"` or `"pool"`. Whether `"P1"` .. `"P4"` are the last
            features of a resolution, before pooling (LRR), or the first,
            after it (FCN). Defaults to `"conv"`.
        padding: `"same"`, or `"caffe"`: 100 pixels of zeros around the image
            and none around the input of fc6, as the reference FCN has it. Then
            `"Pn"` has `ceil((size + 198) / 2^n)` cells, `"P5"` six fewer.
            Defaults to `"same"`.
        mean: Three floats. Means of R, G and B that are subtracted. Defaults
            to those of ImageNet's classifier; FCN and GDN have their own.

    Returns:
        A `keras.Model` from pixels in 0..255 to relu2_2, relu3_3, relu4_3,
        relu5_3 (`"P1"` .. `"P4"`, 128, 256, 512, 512 channels), or pool1 ..
        pool4 (64, 128, 256, 512 channels), and fc7 (`"P5"`, 4096 channels);
        134,260,544 parameters.

    Raises:
        ValueError: If an argument is out of its range.

    Reference:
        Simonyan and Zisserman, "Very Deep Convolutional Networks for
        Large-Scale Image Recognition", ICLR 2015, configuration D; Long et
        al., CVPR 2015, for the convolutional form.
    """
    image_shape = check_image_shape(image_shape)
    check_choice("taps", taps, tuple(TAPS))
    check_choice("padding", padding, ("same", "caffe"))
    if padding == "caffe" and taps == "conv":
        raise ValueError(
            '`taps` must be "pool" with padding="caffe". '
            f"Received: taps={taps!r}"
        )
    images = keras.Input(image_shape, name="pixels")
    x = images
    if padding == "caffe":
        # The first convolution adds the hundredth.
        x = keras.layers.ZeroPadding2D(99, name="border")(x)
    for block, (filters, depth) in enumerate(
        ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), start=1
    ):
        for index in range(1, depth + 1):
            x = convolution(filters, 3, f"conv{block}_{index}")(x)
        x = keras.layers.MaxPooling2D(2, padding="same", name=f"pool{block}")(x)
    x = convolution(4096, 7, "fc6", "valid" if padding == "caffe" else "same")(
        x
    )
    x = keras.layers.Dropout(dropout, name="fc6_dropout")(x)
    x = convolution(4096, 1, "fc7")(x)
    x = keras.layers.Dropout(dropout, name="fc7_dropout")(x)
    model = keras.Model(images, x, name="vgg16")
    if weights is not None:
        load_weights(model, weights, _transfer)
    levels = {f"P{n}": layer for n, layer in enumerate(TAPS[taps], start=1)}
    offset = [-value for value in per_channel(mean, image_shape[2])]
    if padding == "caffe":
        return on_pixels(model, levels, offset=offset)[0]
    return from_model(model, levels, offset=offset)


def convolution(filters, kernel_size, name, padding="same", dilation_rate=1):
    """A layer of VGG-16.

    Args:
        filters: Channels of the output.
        kernel_size: Side of the kernel.
        name: Name of the layer.
        padding: `"same"` or `"valid"`. Defaults to `"same"`.
        dilation_rate: Distance of the samples of the kernel. Defaults to 1.

    Returns:
        A convolution with bias and ReLU.
    """
    return keras.layers.Conv2D(
        filters,
        kernel_size,
        padding=padding,
        dilation_rate=dilation_rate,
        activation="relu",
        name=name,
    )


def load_weights(model, weights, transfer):
    """Loads weights into a model whose layers are named as those of VGG-16.

    Args:
        model: The model.
        weights: `"imagenet"`, or the path of a file of Keras or of a NumPy
            archive.
        transfer: Copies the weights of `keras.applications.VGG16` with its
            top to the model.
    """
    if str(weights).endswith(ARCHIVE):
        load_archive(
            model, weights, _archived, "conv1_1/kernel", optional=("fc",)
        )
        return
    transfer(
        keras.applications.VGG16(weights=weights, include_top=True), model
    )


def _archived(path):
    """The name in the archive, such as `conv1_1/kernel`."""
    return "/".join(path.split("/")[-2:])


def _transfer(classifier, model):
    """Copies the weights of `keras.applications.VGG16` with its top."""
    transfer_convolutions(classifier, model)
    for source, target in (("fc1", "fc6"), ("fc2", "fc7")):
        kernel, bias = classifier.get_layer(source).get_weights()
        layer = model.get_layer(target)
        layer.set_weights([kernel.reshape(layer.kernel.shape), bias])


def transfer_convolutions(classifier, model):
    """Copies the weights of the five blocks of convolutions.

    Args:
        classifier: `keras.applications.VGG16`.
        model: A model whose layers are named `conv1_1` to `conv5_3`.
    """
    for block, depth in enumerate((2, 2, 3, 3, 3), start=1):
        for index in range(1, depth + 1):
            source = classifier.get_layer(f"block{block}_conv{index}")
            kernel, bias = source.get_weights()
            if block == index == 1:
                # The published kernel reads B, G, R.
                kernel = first_kernel(
                    kernel[:, :, ::-1], model.inputs[0].shape[-1]
                )
            model.get_layer(f"conv{block}_{index}").set_weights([kernel, bias])
