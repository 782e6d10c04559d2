"""The dataset that a verb of the command line is told to use."""

from pathlib import Path

from kerasseg.cli.errors import UsageError


def find_data(name: str, split: str, labels, channels: int = 3):
    """The dataset that `--data` stands for.

    Args:
        name: The name of a known dataset, or a folder.
        split: The split, for instance `"test"`.
        labels: The labels of the model, which the masks must use. A folder
            without a file `labels.json` is taken to do so.
        channels: Channels of the images that the model takes. Defaults to 3.

    Returns:
        A dataset with `len()` and `[index] -> (image, mask)`.

    Raises:
        UsageError: If there is no such dataset or split, or it has other
            classes than the model.
    """
    from kerasseg import data

    own = Path(name).is_dir() and not Path(name, "labels.json").is_file()
    dataset = data.load(
        name, split, labels=labels if own else None, channels=channels
    )
    if dataset.labels.class_names != labels.class_names:
        raise UsageError(
            f"the model and the data differ in their classes: "
            f"{', '.join(labels.class_names)} and "
            f"{', '.join(dataset.labels.class_names)}"
        )
    return dataset
