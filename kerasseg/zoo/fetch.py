"""Weights files by entry: packaged, or downloaded once into the cache."""

import hashlib
import http.client
import logging
import os
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from pathlib import PurePosixPath
from urllib.parse import unquote
from urllib.parse import urlsplit

from kerasseg.atomic import atomic_file
from kerasseg.zoo.entry import Entry
from kerasseg.zoo.weights import WeightsError

PACKAGED = Path(__file__).parent / "weights"
TIMEOUT = 30

_logger = logging.getLogger(__name__)


def weights_path(entry: Entry) -> Path:
    """Returns the path of an entry's weights file, fetched and verified.

    A packaged file is used where it lies. Any other is downloaded once into
    the cache folder, `weights` under the environment variable `KERASSEG_HOME`
    or under `kerasseg` in the user's cache folder. The hash is computed on
    every call. Parallel calls are safe: each downloads under a name of its
    own, and a file appears in the cache when it is complete and verified.

    Args:
        entry: An entry with trained weights.

    Returns:
        Path of the file.

    Raises:
        ValueError: If the entry has no trained weights.
        FileNotFoundError: If a packaged file is missing.
        WeightsError: If the hash of the file is not the entry's.
        ConnectionError: If the file cannot be downloaded.
    """
    if not entry.is_trained:
        raise ValueError(
            f"There are no trained weights yet for {entry.name!r}. Pass "
            "`weights=None` for random weights, or the path of a weights file."
        )
    if not entry.is_remote:
        path = PACKAGED / entry.weights
        if not path.is_file():
            raise FileNotFoundError(
                f"The weights of {entry.name!r} are missing from the package "
                f"at {path}. Install kerasseg again."
            )
        advice = "Install kerasseg again."
    else:
        path = _cached_path(entry)
        advice = "Delete the file and load again to fetch it anew."
        if not path.is_file():
            _download(entry.weights, entry.sha256, path)
    check_sha256(path, entry.sha256, advice)
    return path


def check_sha256(path: str | Path, expected: str, advice: str = "") -> None:
    """Checks that a file has the expected SHA-256 hash.

    Args:
        path: Path of the file.
        expected: Hash in lower-case hexadecimal digits.
        advice: Sentence that ends the message, saying what to do. Defaults to
            `""`.

    Raises:
        WeightsError: If the hash differs. The message has both hashes.
    """
    found = sha256(path)
    if found != expected:
        raise WeightsError(
            f"The file {path} ({Path(path).stat().st_size} bytes) is "
            f"damaged or not the one that belongs here. Expected sha256 "
            f"{expected}, found sha256 {found}. {advice}".rstrip()
        )


def sha256(path: str | Path) -> str:
    """Returns the SHA-256 hash of a file.

    Args:
        path: Path of the file.

    Returns:
        The hash in lower-case hexadecimal digits.
    """
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _cached_path(entry):
    # The hash is part of the name: a retrained model is a new file.
    name = PurePosixPath(unquote(urlsplit(entry.weights).path)).name
    return _cache_folder() / f"{entry.sha256[:12]}-{name}"


def _cache_folder():
    home = os.environ.get("KERASSEG_HOME")
    if not home:
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        home = Path(cache) / "kerasseg"
    return Path(home).expanduser() / "weights"


def _download(url, expected, path):
    _logger.info("Downloading %s to %s", url, path)
    with atomic_file(path) as temporary:
        # Writing is outside of `except`: a full disk is no network error.
        try:
            response = urllib.request.urlopen(url, timeout=TIMEOUT)
        except (OSError, http.client.HTTPException) as error:
            raise _unreachable(url, expected, path, error) from error
        with response, open(temporary, "wb") as file:
            shutil.copyfileobj(_Body(response, url, expected, path), file)
        check_sha256(
            temporary,
            expected,
            f"It came from {url} and was deleted. Try again; if the hashes "
            "differ again, the file was changed at its source or on the way.",
        )


class _Body:
    """A response whose interruption names the url and what to do."""

    def __init__(self, response, url, expected, path):
        self._response = response
        self._source = (url, expected, path)

    def read(self, size):
        try:
            return self._response.read(size)
        except (OSError, http.client.HTTPException) as error:
            raise _unreachable(*self._source, error) from error


def _unreachable(url, expected, path, error):
    reason = getattr(error, "reason", error)
    return ConnectionError(
        f"The weights could not be downloaded from {url}: {reason}. Check the "
        f"network and try again, or bring the file (sha256 {expected}) to "
        f"{path} by hand."
    )
