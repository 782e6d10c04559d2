"""The files of the page: its own, the models, and what runs them."""

import shutil
from collections.abc import Iterable
from collections.abc import Mapping
from pathlib import Path

from kerasseg.files import atomic_file
from kerasseg.files import json_text

STATIC = Path(__file__).parent / "static"
RUNTIME = "runtime"  # Where model.js looks for it.
SETTINGS = "site.json"


def site_files(
    models: Mapping[str, Path],
    runtime: Mapping[str, Path],
    image: bytes | None = None,
) -> dict[str, Path | bytes]:
    """All files of a page that shows some models.

    Args:
        models: Dictionary from the name of a model on the page to its `.onnx`
            file, beside which lies its sidecar.
        runtime: The files of onnxruntime-web, from `runtime_files`. Without
            any the browser fetches them from the network.
        image: A PNG file that is shown first. Defaults to `None`.

    Returns:
        Dictionary from the path below the page's address to the path of a
        file or to its content.
    """
    files = {path.name: path for path in sorted(STATIC.iterdir())}
    for name, path in models.items():
        files[f"{name}.onnx"] = path
        files[f"{name}.onnx.json"] = path.with_name(f"{path.name}.json")
    files.update({f"{RUNTIME}/{name}": p for name, p in runtime.items()})
    if image is not None:
        files["image.png"] = image
    settings = {
        "models": [f"{name}.onnx" for name in models],
        "image": None if image is None else "image.png",
    }
    return {**files, SETTINGS: json_text(settings).encode()}


def write_site(files: Mapping[str, Path | bytes], folder: Path) -> None:
    """Writes the files of a page to a folder, for any server of files.

    Args:
        files: From `site_files`.
        folder: The folder. What else is in it stays.
    """
    # The page asks for its settings last, which so name nothing that is not
    # there yet.
    for name, content in _settings_last(files):
        with atomic_file(folder / name) as part:
            if isinstance(content, bytes):
                part.write_bytes(content)
            else:
                shutil.copyfile(content, part)


def _settings_last(files) -> Iterable:
    return sorted(files.items(), key=lambda item: item[0] == SETTINGS)
