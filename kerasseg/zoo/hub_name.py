"""Names of models on the Hugging Face Hub, `hf://USER/NAME@REVISION`."""

import dataclasses
import os
import re
from typing import Any

from kerasseg.zoo.errors import shown

SCHEME = "hf://"

_NAME = re.compile(r"hf://([\w.-]+/[\w.-]+)(?:@(.+))?", re.ASCII)
_REVISION = re.compile(r"(?!.*[./]{2})\w[\w./-]*(?<![./])", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclasses.dataclass(frozen=True)
class HubName:
    """The name of a model on the Hub.

    Args:
        repository: `"USER/NAME"`.
        revision: Branch, tag or commit.
    """

    repository: str
    revision: str

    def __str__(self) -> str:
        return f"{SCHEME}{self.repository}@{self.revision}"

    @property
    def is_pinned(self) -> bool:
        """Whether the revision is a commit, which never changes."""
        return _COMMIT.fullmatch(self.revision) is not None


def is_hub_name(name: str | os.PathLike) -> bool:
    """Whether a name is meant for the Hub.

    Args:
        name: Any name of a model.

    Returns:
        The answer.
    """
    return isinstance(name, str) and name.startswith(SCHEME)


def hub_name(name: str, revision: str | None = None) -> HubName:
    """Reads a name such as `"hf://USER/NAME@v1"`.

    Args:
        name: The name.
        revision: Branch, tag or commit, if the name has none. Defaults to
            `None`: that of the name, else `"main"`.

    Returns:
        A `HubName`.

    Raises:
        ValueError: If it is no such name, or there are two revisions.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(
            "`name` must be hf://USER/NAME or hf://USER/NAME@REVISION. "
            f"Received: name={shown(name)!r}"
        )
    if revision is not None and found[2] not in (None, revision):
        raise ValueError(
            "`revision` must be that of `name`, or only one of both be given. "
            f"Received: {name=}, {revision=}"
        )
    chosen = found[2] or ("main" if revision is None else revision)
    if not is_revision(chosen):
        raise ValueError(
            "`revision` must be a branch, a tag or a commit. Received: "
            f"revision={shown(chosen)!r}"
        )
    return HubName(found[1], chosen)


def is_revision(text: Any) -> bool:
    """Whether a branch, a tag or a commit can have this name.

    Args:
        text: Anything.

    Returns:
        The answer.
    """
    return isinstance(text, str) and _REVISION.fullmatch(text) is not None


def check_no_revision(name: Any, revision: str | None) -> None:
    """Refuses a revision of what has none.

    Args:
        name: A name that is not for the Hub.
        revision: What was given as revision.

    Raises:
        ValueError: If something was.
    """
    if revision is not None:
        raise ValueError(
            "`revision` is for models on Hugging Face, hf://USER/NAME. "
            f"Received: name={str(name)!r}, {revision=}"
        )
