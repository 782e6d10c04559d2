"""Saved models sent to the Hugging Face Hub."""

import contextlib
import dataclasses
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerasseg.files import json_text
from kerasseg.zoo.card import CARD
from kerasseg.zoo.card import card
from kerasseg.zoo.card import is_ours
from kerasseg.zoo.catalog import info
from kerasseg.zoo.entry import Entry
from kerasseg.zoo.errors import shown
from kerasseg.zoo.fetch import weights_path
from kerasseg.zoo.fields import FACTS
from kerasseg.zoo.fields import is_model_file
from kerasseg.zoo.hub_name import SCHEME
from kerasseg.zoo.hub_name import HubName
from kerasseg.zoo.hub_name import hub_name
from kerasseg.zoo.hub_name import is_hub_name
from kerasseg.zoo.hub_name import is_revision
from kerasseg.zoo.hugging_face import endpoint
from kerasseg.zoo.hugging_face import fetched_folder
from kerasseg.zoo.hugging_face import hub
from kerasseg.zoo.hugging_face import hub_errors
from kerasseg.zoo.hugging_face import one_line
from kerasseg.zoo.loading import load
from kerasseg.zoo.record import RECORD
from kerasseg.zoo.record import Record
from kerasseg.zoo.record import checked_facts
from kerasseg.zoo.record import read_record
from kerasseg.zoo.saving import save
from kerasseg.zoo.tensors import TensorFile


def push(
    name: str | Path,
    repository: str,
    facts: Mapping[str, Any] | None = None,
    private: bool | None = None,
    branch: str = "main",
    message: str = "Upload a kerasseg model",
) -> str:
    """Uploads a model to the Hugging Face Hub, as one commit.

    The model is loaded first: what cannot be loaded is not uploaded. Record,
    architecture and weights go up, and the card, which is written for the
    repository unless the folder has one of its owner's. Those of the model
    that was there before are deleted in the same commit; other files of the
    repository are left alone, and so is the folder here.

    Args:
        name: A folder that `kerasseg.zoo.save` wrote, or the name of an entry
            with weights.
        repository: `"USER/NAME"` or `"hf://USER/NAME"`, which is made if there
            is none.
        facts: What record and card are to say besides what they do, as for
            `kerasseg.zoo.save`. Defaults to `None`.
        private: Whether a new repository is private; one that is public
            already is then refused. Defaults to `None`, what the account's
            settings say.
        branch: Branch to commit to, made if there is none. Defaults to
            `"main"`.
        message: Message of the commit. Defaults to
            `"Upload a kerasseg model"`.

    Returns:
        `"hf://USER/NAME@COMMIT"`, which loads just this model.

    Raises:
        ValueError: If the model, the facts, the branch or the message are not
            as they must be, or there is no such user.
        WeightsError: A `ValueError`: if the folder is damaged.
        PermissionError: If the token is missing or may not write there.
        ConnectionError: If the Hub cannot be reached.
        ImportError: If `huggingface_hub` is not installed.

    Example:

    >>> kerasseg.zoo.push("my_model", "me/cats", {"license_weights": "mit"})
    """
    target = _target(repository, branch)
    if not isinstance(message, str) or not message.strip():
        raise ValueError(
            "`message` must be a text of the commit. "
            f"Received: message={message!r}"
        )
    facts = checked_facts(facts)
    hub()
    with _folder(name) as folder:
        record = dataclasses.replace(read_record(folder), **facts)
        with hub_errors(target), _upload_errors(target):
            return _commit(folder, record, target, private, message)


def _target(repository, branch):
    text = str(repository)
    try:
        found = hub_name(f"{SCHEME}{text.removeprefix(SCHEME)}")
    except ValueError:
        found = None
    if found is None or "@" in text or not isinstance(repository, str):
        raise ValueError(
            "`repository` must be USER/NAME, and `branch` say where to commit. "
            f"Received: repository={_told(repository)}"
        ) from None
    if not is_revision(branch):
        raise ValueError(
            "`branch` must be the name of a branch, such as main. "
            f"Received: branch={_told(branch)}"
        )
    return HubName(found.repository, branch)


def _told(value):
    return repr(shown(value)) if isinstance(value, str) else shown(value)


@contextlib.contextmanager
def _folder(name):
    """A saved folder with the model, which can be loaded."""
    entry = info(name)
    name = entry.origin or name
    model = load(name)
    if is_hub_name(name):
        yield fetched_folder(hub_name(name))
    elif entry.builder == "saved":
        yield Path(name)
    else:
        with tempfile.TemporaryDirectory() as folder:
            save(model, folder, entry.labels, _precision(entry), _facts(entry))
            yield Path(folder)


def _precision(entry):
    """What loses no digit of an entry's weights."""
    with TensorFile(weights_path(entry)) as stored:
        halved = any(dtype == "float16" for dtype in stored.dtypes.values())
    return "float16" if halved else "float32"


@contextlib.contextmanager
def _upload_errors(target):
    """Has the user know what a server refused, or a broken upload."""
    try:
        yield
    except OSError:
        raise
    except ValueError as error:
        raise ValueError(f"{target} was refused: {one_line(error)}") from error
    except RuntimeError as error:
        cause = error.__cause__ or error
        raise ConnectionError(
            f"The upload to {target} broke off: {one_line(cause)} Nothing was "
            "committed; try again."
        ) from error


def _facts(entry: Entry) -> dict[str, Any]:
    """What an entry says that a record can say."""
    found = {name: getattr(entry, name) for name in ("title", *FACTS)}
    return {name: fact for name, fact in found.items() if fact}


def _commit(folder: Path, record: Record, target: HubName, private, message):
    api = hub().HfApi(endpoint=endpoint())
    api.create_repo(target.repository, private=private, exist_ok=True)
    if private and not api.model_info(target.repository).private:
        raise ValueError(
            "it is public already; make it private at "
            f"{endpoint()}/{target.repository}/settings first"
        )
    where = {"repo_id": target.repository, "revision": target.revision}
    if target.revision != "main":
        api.create_branch(
            target.repository, branch=target.revision, exist_ok=True
        )
    there = set(api.list_repo_files(**where))
    commit = api.create_commit(
        **where,
        operations=_operations(folder, record, target, there),
        commit_message=message,
    )
    return str(HubName(target.repository, commit.oid))


def _operations(folder, record, target, there):
    names = record.architecture, record.weights
    files = {name: folder / name for name in names}
    files[RECORD] = json_text(record.to_json()).encode()
    files[CARD] = folder / CARD
    if is_ours(folder / CARD):
        place = f"{SCHEME}{target.repository}"
        files[CARD] = card(record, place).encode()
    old = sorted(there - set(files))
    return [
        *(
            hub().CommitOperationAdd(path, content)
            for path, content in files.items()
        ),
        *(hub().CommitOperationDelete(p) for p in old if is_model_file(p)),
    ]
