"""Saved models on the Hugging Face Hub, and their files here.

Only the record and the two files that it names are fetched, into the cache
of `huggingface_hub`, and nothing in a repository is run: what is fetched is
read as any saved folder is.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kerasseg.files import sha256
from kerasseg.zoo.errors import WeightsError
from kerasseg.zoo.errors import shown
from kerasseg.zoo.fetch import check_sha256
from kerasseg.zoo.hub_name import SCHEME
from kerasseg.zoo.hub_name import HubName
from kerasseg.zoo.record import RECORD
from kerasseg.zoo.record import read_record

_TIMEOUT = 10
# No weights of segmentation are larger; the others are limits of the readers.
_MOST_BYTES = {RECORD: 1 << 20, ".json": 1 << 24, ".safetensors": 1 << 34}


def pinned(name: HubName) -> tuple[HubName, Path]:
    """Finds the commit of a name, and fetches the record of the model.

    Without a network, a commit or a branch that was fetched before is found
    in the cache.

    Args:
        name: The name.

    Returns:
        The name with its commit, and the folder of the record.

    Raises:
        ConnectionError: If the Hub cannot be reached.
        PermissionError: If it lets nobody in but others.
        ValueError: If there is no such model.
        ImportError: If `huggingface_hub` is not installed.
    """
    folder = _fetched(name, RECORD, "no kerasseg model").parent
    return HubName(name.repository, folder.name), folder


def fetched_folder(name: HubName) -> Path:
    """Fetches a model, and checks it by the hashes in its record.

    Args:
        name: The name.

    Returns:
        A folder as `kerasseg.zoo.save` writes it.

    Raises:
        WeightsError: If a file is not the one of the record.
        ConnectionError: If the Hub cannot be reached.
        PermissionError: If it lets nobody in but others.
        ValueError: If there is no such model.
        ImportError: If `huggingface_hub` is not installed.
    """
    name, folder = pinned(name)
    record = read_record(folder)
    for file, expected in (
        (record.architecture, record.architecture_sha256),
        (record.weights, record.weights_sha256),
    ):
        path = _fetched(name, file, "an incomplete model")
        if sha256(path) != expected:
            # Perhaps the cache alone is damaged, and there is a network.
            with contextlib.suppress(ValueError, ConnectionError):
                path = _fetched(name, file, "an incomplete model", anew=True)
        check_sha256(path, expected, f"{name} is not what was saved there.")
    return folder


def hub() -> Any:
    """The package `huggingface_hub`.

    Returns:
        The module.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ImportError as error:
        raise ImportError(
            "Models on Hugging Face need huggingface_hub: pip install "
            "'kerasseg[hf]'"
        ) from error
    return huggingface_hub


def endpoint() -> str:
    """Where the Hub is.

    Returns:
        The URL in the environment variable `HF_ENDPOINT`, else that of
        Hugging Face.
    """
    return os.environ.get("HF_ENDPOINT") or "https://huggingface.co"


@contextlib.contextmanager
def hub_errors(name: HubName) -> Iterator[None]:
    """Says what to do about the errors of `huggingface_hub`.

    Args:
        name: The model that the block is about.

    Raises:
        ConnectionError: If the Hub cannot be reached.
        PermissionError: If it lets nobody in but others.
        ValueError: If there is no such repository or revision.
    """
    from huggingface_hub import errors

    page = f"{endpoint()}/{name.repository}"
    login = "log in with `hf auth login`, or set HF_TOKEN"
    try:
        yield
    except errors.GatedRepoError as error:
        raise PermissionError(
            f"{name} is gated: ask for access at {page}, then {login}"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise ValueError(
            f"There is no model {SCHEME}{name.repository}, or it is private. "
            f"Look at {page}; for a private one {login}."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise ValueError(
            f"{SCHEME}{name.repository} has no revision {name.revision!r}. Its "
            f"branches, tags and commits are at {page}/commits/main"
        ) from error
    except errors.LocalEntryNotFoundError as error:
        raise _unreachable(name, error.__cause__ or error) from error
    except errors.HfHubHTTPError as error:
        if error.response is not None and error.response.status_code in (
            401,
            403,
        ):
            raise PermissionError(
                f"{endpoint()} refused {name}: {login}, with a token that may "
                "do this"
            ) from error
        raise _unreachable(name, error) from error
    except (errors.HTTPError, errors.OfflineModeIsEnabled) as error:
        raise _unreachable(name, error) from error
    except errors.HFValidationError as error:
        raise ValueError(f"{name} is no name: {one_line(error)}") from error


def one_line(error: BaseException) -> str:
    """The message of an exception of another package.

    Args:
        error: The exception.

    Returns:
        Its message without line breaks, or the name of its class.
    """
    return shown(" ".join(str(error).split()) or type(error).__name__, 300)


def _unreachable(name, error):
    reason = one_line(error).rstrip(".")
    return ConnectionError(
        f"{name} could not be reached at {endpoint()}: {reason}. "
        "Check the network and try again; HF_ENDPOINT names another server, "
        "and what was fetched before is loaded without a network by its commit"
    )


def _fetched(name, file, without, anew=False):
    """The path of a file of a model in the cache."""
    errors = hub().errors
    options = {"revision": name.revision, "endpoint": endpoint()}
    with hub_errors(name):
        try:
            local = not anew and _is_local(name, file)
            return Path(
                hub().hf_hub_download(
                    name.repository,
                    file,
                    **options,
                    force_download=anew,
                    local_files_only=local,
                )
            )
        except errors.LocalEntryNotFoundError:
            raise
        except errors.EntryNotFoundError as error:
            raise ValueError(
                f"{name} is {without}: there is no {file} in it. `kerasseg "
                "push` uploads a folder that `kerasseg.zoo.save` wrote."
            ) from error


def _is_local(name, file):
    """Whether a file is here, and there is none newer that can be reached.

    One that is too large is refused before it is fetched.
    """
    errors = hub().errors
    cached = hub().try_to_load_from_cache(
        name.repository, file, revision=name.revision
    )
    here = isinstance(cached, str)
    if here and name.is_pinned:
        return True
    url = hub().hf_hub_url(
        name.repository, file, revision=name.revision, endpoint=endpoint()
    )
    try:
        facts = hub().get_hf_file_metadata(url, timeout=_TIMEOUT)
    except (
        errors.RepositoryNotFoundError,
        errors.RevisionNotFoundError,
        errors.EntryNotFoundError,
    ):
        raise
    except (errors.HTTPError, errors.OfflineModeIsEnabled):
        if here:
            return True
        raise
    most = _MOST_BYTES.get(file) or _MOST_BYTES[Path(file).suffix]
    if (facts.size or 0) > most:
        raise WeightsError(
            f"{file} of {name} must have at most {most} bytes. Received: "
            f"{facts.size} bytes"
        )
    return False
