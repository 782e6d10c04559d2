"""A check that Keras is set to channels last, which all models here are."""

import functools

import keras


def channels_last(builder):
    """Makes a builder refuse to build where Keras puts channels first.

    Keras' own layers and models ask its configuration for the order of the
    axes. Those that are built already keep theirs.

    Args:
        builder: Function that builds a `keras.Model`.

    Returns:
        The function, with the check before.
    """

    @functools.wraps(builder)
    def checked(*args, **kwargs):
        found = keras.config.image_data_format()
        if found != "channels_last":
            raise ValueError(
                f"`{builder.__name__}` must be called with Keras set to "
                "channels_last: kerasseg's models take images (height, width, "
                "channels). Received: keras.config.image_data_format()="
                f"{found!r}. Call keras.config.set_image_data_format("
                "'channels_last') before, or change image_data_format in "
                "Keras' file keras.json. Files for runtimes with channels "
                "first are exported with layout='NCHW'."
            )
        return builder(*args, **kwargs)

    return checked
