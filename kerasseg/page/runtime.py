"""onnxruntime-web: what runs a model in the browser, fetched once."""

import os
from pathlib import Path

from kerasseg.files import cache_folder
from kerasseg.files import sha256
from kerasseg.zoo.download import download

VERSION = "1.30.0"
URL = f"https://cdn.jsdelivr.net/npm/onnxruntime-web@{VERSION}/dist/"
HASHES = {
    "ort.wasm.bundle.min.mjs": (
        "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90"
    ),
    "ort-wasm-simd-threaded.mjs": (
        "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b"
    ),
    "ort-wasm-simd-threaded.wasm": (
        "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"
    ),
}


def runtime_files(folder: str | os.PathLike | None = None) -> dict[str, Path]:
    """The files of onnxruntime-web, which are fetched once and verified.

    Args:
        folder: Folder `dist` of the npm package, where it is installed.
            Defaults to `None`: the user's cache folder, into which missing
            files are downloaded.

    Returns:
        Dictionary from the name of a file to its path.

    Raises:
        ValueError: If a file of `folder` is missing or of another version.
        ConnectionError: If a file cannot be downloaded.
        WeightsError: If what came has another hash.
    """
    place = Path(folder or cache_folder() / f"onnxruntime-web-{VERSION}")
    paths = {name: place / name for name in HASHES}
    wrong = [name for name in paths if not _is_right(paths[name], HASHES[name])]
    if folder is not None and wrong:
        raise ValueError(
            f"`folder` must hold the files of onnxruntime-web {VERSION} as "
            f"npm installs them in dist. Received: folder={str(folder)!r}, in "
            f"which these are missing or others: {', '.join(wrong)}"
        )
    for name in wrong:
        download(URL + name, HASHES[name], paths[name])
    return paths


def _is_right(path, expected):
    return path.is_file() and sha256(path) == expected
