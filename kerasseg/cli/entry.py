"""The model that an entry name or a folder on the command line stands for."""

from kerasseg.cli.mistakes import user_mistakes

ENTRY_HELP = "a zoo entry (see `kerasseg list`) or a saved model's folder"


def find_entry(name: str):
    """The record of an entry.

    Args:
        name: The name of a zoo entry, or a folder written by
            `kerasseg.zoo.save`.

    Returns:
        `kerasseg.zoo.Entry`.

    Raises:
        UserMistake: If there is no such entry.
    """
    from kerasseg import zoo

    with user_mistakes():
        return zoo.info(name)


def load_model(name: str, image_shape: tuple | None = None):
    """The trained model of an entry.

    Args:
        name: The name of a zoo entry, or a folder written by
            `kerasseg.zoo.save`.
        image_shape: `(height, width, 3)`. Defaults to `None`: any size.

    Returns:
        `keras.Model`.

    Raises:
        UserMistake: If there is no such entry, or its weights are missing or
            damaged.
    """
    from kerasseg import zoo

    arguments = {} if image_shape is None else {"image_shape": image_shape}
    with user_mistakes():
        return zoo.load(name, **arguments)


def save_model(model, folder, labels) -> None:
    """Save a model to a folder that the verbs take as an entry.

    Args:
        model: `keras.Model`, compiled or not.
        folder: The folder.
        labels: `kerasseg.data.Labels`, or `None`.

    Raises:
        UserMistake: If the folder cannot be written.
    """
    from kerasseg import zoo

    with user_mistakes((OSError,)):
        zoo.save(model, folder, labels=labels)
