"""What is known about the models, without building one: no Keras is needed."""

import copy
import difflib
from pathlib import Path

from kerasseg.zoo.entries import ENTRIES
from kerasseg.zoo.entry import Entry
from kerasseg.zoo.hub_name import check_no_revision
from kerasseg.zoo.hub_name import hub_name
from kerasseg.zoo.hub_name import is_hub_name
from kerasseg.zoo.hugging_face import pinned
from kerasseg.zoo.record import is_saved
from kerasseg.zoo.record import read_record


def names() -> list[str]:
    """Returns the names of the published models.

    Returns:
        List of names, from the coarsest to the finest of each family.
    """
    return list(ENTRIES)


def info(name: str | Path, revision: str | None = None) -> Entry:
    """Returns what is known about a model, without building it.

    Args:
        name: Name of an entry, or a folder that `kerasseg.zoo.save` wrote. An
            entry wins over a folder of the same name; write `./name` for the
            folder. Or `"hf://USER/NAME"`, a model on Hugging Face, of which
            the record alone is fetched.
        revision: Branch, tag or commit of a model on Hugging Face, which
            `"hf://USER/NAME@REVISION"` may name too. Defaults to `None`:
            `"main"`.

    Returns:
        An `Entry`. Of a model on Hugging Face, its `origin` names the commit.

    Raises:
        ValueError: If the name is unknown. The message has the closest match
            and all names.
        ConnectionError: If Hugging Face cannot be reached.
        PermissionError: If it lets nobody in but others.
        ImportError: If `huggingface_hub` is missing, for such a name.
    """
    if is_hub_name(name):
        found, folder = pinned(hub_name(name, revision))
        short = found.repository.partition("/")[2]
        return read_record(folder).entry(short, str(found))
    check_no_revision(name, revision)
    if name in ENTRIES:
        return copy.deepcopy(ENTRIES[name])
    if is_saved(name):
        return read_record(name).entry(Path(name).resolve().name)
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
