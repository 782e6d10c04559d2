"""The dataset that a verb of the command line is told to use."""

from pathlib import Path

from kerasseg.cli.errors import UsageError
from kerasseg.cli.errors import one_line


def check_split(args, option: str = "data") -> None:
    """Refuses the split of a dataset that was not named.

    Args:
        args: The parsed arguments.
        option: `"data"` or `"calibration"`. Defaults to `"data"`.

    Raises:
        UsageError: If there is a split and no dataset.
    """
    split = "split" if option == "data" else f"{option}_split"
    if getattr(args, split) is not None and getattr(args, option) is None:
        raise UsageError(
            f"--{split.replace('_', '-')} is a split of --{option}, give both"
        )


def is_folder(name: str) -> bool:
    """Whether a name is that of a folder, and of no known dataset.

    Args:
        name: What the user typed.

    Returns:
        The answer. As in `kerasseg.data.load`, a known dataset wins over a
        folder of the same name.
    """
    from kerasseg.data.sources import SOURCES

    return name not in SOURCES and Path(name).is_dir()


def find_data(
    name: str, split: str, labels, channels: int = 3, option: str = "data"
):
    """The dataset that an option stands for.

    Args:
        name: The name of a known dataset, or a folder.
        split: The split, for instance `"test"`.
        labels: The labels of the model, which the masks must use. A folder
            without a file `labels.json` is taken to do so.
        channels: Channels of the images that the model takes. Defaults to 3.
        option: Name of the option, for the message. Defaults to `"data"`.

    Returns:
        A dataset with `len()` and `[index] -> (image, mask)`.

    Raises:
        UsageError: If there is no such dataset or split, or it has other
            classes than the model.
    """
    from kerasseg import data

    own = is_folder(name) and not Path(name, "labels.json").is_file()
    try:
        dataset = data.load(
            name, split, labels=labels if own else None, channels=channels
        )
    except ValueError as error:
        raise UsageError(
            f"--{option} {name}, split {split}: {one_line(error)}"
        ) from error
    if dataset.labels.class_names != labels.class_names:
        raise UsageError(
            f"the model and the data differ in their classes: "
            f"{', '.join(labels.class_names)} and "
            f"{', '.join(dataset.labels.class_names)}"
        )
    return dataset
