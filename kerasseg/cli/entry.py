"""The model that an entry name or a folder on the command line stands for."""

from kerasseg.cli.errors import UsageError

ENTRY_HELP = (
    "a zoo entry (see `kerasseg list`), a saved model's folder, or a model on "
    "Hugging Face, hf://USER/NAME or hf://USER/NAME@REVISION"
)


def find_entry(name: str):
    """The record of an entry.

    Args:
        name: The name of a zoo entry, a folder written by
            `kerasseg.zoo.save`, or `hf://USER/NAME`.

    Returns:
        `kerasseg.zoo.Entry`.
    """
    from kerasseg.zoo import info

    return info(name)


def load_model(name: str):
    """The trained model of an entry.

    Args:
        name: The name of a zoo entry, a folder written by
            `kerasseg.zoo.save`, or `hf://USER/NAME`; the `origin` of its
            record, where there is one, so that both are of one commit.

    Returns:
        `keras.Model`.

    Raises:
        UsageError: If there are no trained weights.
    """
    from kerasseg import zoo

    if not zoo.info(name).is_trained:
        raise UsageError(
            f"there are no trained weights of {name}; `kerasseg list` names "
            "the entries that have some. Train it, and give the folder that "
            "the training wrote"
        )
    return zoo.load(name)


def save_model(model, folder, labels) -> None:
    """Saves a model to a folder that the verbs take as an entry.

    Args:
        model: `keras.Model`, compiled or not.
        folder: The folder.
        labels: `kerasseg.data.Labels`, or `None`.
    """
    from kerasseg import zoo

    zoo.save(model, folder, labels=labels)
