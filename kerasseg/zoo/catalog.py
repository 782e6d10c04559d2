"""What is known about the models, without building one: no Keras is needed."""

import copy
import difflib
from pathlib import Path

from kerasseg.zoo.entries import ENTRIES
from kerasseg.zoo.entry import Entry
from kerasseg.zoo.record import is_saved
from kerasseg.zoo.record import read_record


def names() -> list[str]:
    """Returns the names of the published models.

    Returns:
        List of names, from the coarsest to the finest of each family.
    """
    return list(ENTRIES)


def info(name: str | Path) -> Entry:
    """Returns what is known about a model, without building it.

    Args:
        name: Name of an entry, or a folder that `kerasseg.zoo.save` wrote. An
            entry wins over a folder of the same name; write `./name` for the
            folder.

    Returns:
        An `Entry`.

    Raises:
        ValueError: If the name is unknown. The message has the closest match
            and all names.
    """
    if name in ENTRIES:
        return copy.deepcopy(ENTRIES[name])
    if is_saved(name):
        return read_record(name).entry(Path(name))
    if Path(name).is_dir():
        raise ValueError(
            "`name` must be an entry or a folder written by "
            f"`kerasseg.zoo.save`. Received: name='{name}', a folder without "
            "entry.json"
        )
    close = difflib.get_close_matches(str(name), ENTRIES, n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(
        "`name` must be an entry or a folder written by `kerasseg.zoo.save`. "
        f"Received: name='{name}'.{hint} Entries: {', '.join(ENTRIES)}"
    )
