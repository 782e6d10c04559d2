"""Weights files by entry: packaged, or downloaded once into the cache."""

import http.client
import logging
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from pathlib import PurePosixPath
from urllib.parse import unquote
from urllib.parse import urlsplit

from kerasseg.files import atomic_file
from kerasseg.files import cache_folder
from kerasseg.files import sha256
from kerasseg.zoo.entry import Entry
from kerasseg.zoo.errors import WeightsError

PACKAGED = Path(__file__).parent / "weights"
TIMEOUT = 30

# A full disk is another OSError, and no network error.
_UNREACHABLE = (
    urllib.error.URLError,
    http.client.HTTPException,
    ConnectionError,
    TimeoutError,
)

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


def _cached_path(entry):
    # The hash is part of the name: a retrained model is a new file.
    name = PurePosixPath(unquote(urlsplit(entry.weights).path)).name
    return cache_folder() / "weights" / f"{entry.sha256[:12]}-{name}"


def _download(url, expected, path):
    _logger.info("Downloading %s to %s", url, path)
    try:
        with (
            atomic_file(path) as temporary,
            urllib.request.urlopen(url, timeout=TIMEOUT) as response,
        ):
            with open(temporary, "wb") as file:
                shutil.copyfileobj(response, file)
            check_sha256(
                temporary,
                expected,
                f"It came from {url} and was deleted. Try again; if the hashes "
                "differ again, the file was changed at its source or on the "
                "way.",
            )
    except _UNREACHABLE as error:
        raise ConnectionError(
            f"The weights could not be downloaded from {url}: "
            f"{getattr(error, 'reason', error)}. Check the network and try "
            f"again, or bring the file (sha256 {expected}) to {path} by hand."
        ) from error
