"""What all builders do: find the files, compare hashes, hand out samples."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from typing import NamedTuple

import tensorflow_datasets as tfds

from kerasseg.data.places import data_root
from kerasseg.data.places import find
from kerasseg.data.places import located
from kerasseg.data.sources import SOURCES
from kerasseg.files import sha256

CHECKED = "checked"
AS_FOUND = "as_found"


class Split(NamedTuple):
    """What a split must hold.

    Args:
        count: Number of its samples.
        checksum: SHA-256 hash of the lines `HASH  PATH` of its files, sorted
            by path; those of a file SHA256SUMS.
    """

    count: int
    checksum: str


class FolderBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A builder that reads a known dataset where it lies.

    That is the folder of its name in the manual folder of TensorFlow Datasets
    or, if it is not there, below `KERASSEG_DATA`. The config `checked`
    compares all files with the hashes that were written when its scores were
    published; `as_found` takes them as they are, in any layout that
    `kerasseg.data.load` reads.

    An example has an `image`, a `segmentation_mask` of class ids, in which
    255 is void, and a `name`.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The first one."}
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(
            name=CHECKED, description="Files with the known hashes."
        ),
        tfds.core.BuilderConfig(
            name=AS_FOUND, description="Files as they are, unchecked."
        ),
    ]
    SPLITS: dict[str, Split] = {}
    CITATION = ""

    def _info(self) -> tfds.core.DatasetInfo:
        source = SOURCES[self.name]
        return tfds.core.DatasetInfo(
            builder=self,
            description=f"{source.title}. Terms: {source.terms}.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(None, None, 3)),
                    "segmentation_mask": tfds.features.LabeledImage(
                        labels=list(source.labels.class_names),
                        shape=(None, None, 1),
                        encoding_format="png",
                    ),
                    "name": tfds.features.Text(),
                }
            ),
            supervised_keys=("image", "segmentation_mask"),
            homepage=source.page.split(" ")[0],
            license=source.terms,
            citation=self.CITATION,
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        folder = self._folder(dl_manager)
        if self.builder_config.name == CHECKED:
            for split, expected in self.SPLITS.items():
                _check(folder, split, expected)
        return {
            split: self._generate_examples(folder, split)
            for split in self.SPLITS
        }

    def _generate_examples(
        self, folder: Path, split: str
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        folder, layout, labels = located(self.name, folder)
        data = layout.read(folder, split, labels)
        for index, pair in enumerate(data.pairs):
            _, mask = data[index]
            yield (
                pair.name,
                {
                    "image": str(pair.image_path),
                    "segmentation_mask": mask[..., None],
                    "name": pair.name,
                },
            )

    def _folder(self, dl_manager):
        source = SOURCES[self.name]
        # There may be no manual folder, or nothing of this name in it.
        try:
            places = [Path(dl_manager.manual_dir, self.name)]
        except AssertionError:
            places = []
        places += [data_root() / self.name]
        for folder in places:
            if folder.is_dir():
                return folder
        found = find(source)
        if found is None:
            raise ValueError(
                f"The dataset {self.name!r} must be in one of "
                f"{', '.join(map(str, places))}; it is not there. `kerasseg "
                f"data {self.name}` says how to get it."
            )
        return found[0]


def instructions(name: str) -> str:
    """What a user has to do by hand.

    Args:
        name: Name of the dataset.

    Returns:
        A paragraph.
    """
    return (
        f"`kerasseg data {name}` says how to get the files. Put the folder "
        f"{name}, with images/SPLIT and masks/SPLIT in it, into the manual "
        "folder, or set KERASSEG_DATA to the folder that holds it."
    )


def _check(folder, split, expected):
    """Refuses files with other hashes than the known ones."""
    paths = [
        path
        for kind in ("images", "masks")
        for path in (folder / kind / split).glob("*")
        if not path.name.startswith(".")
    ]
    names = sorted(path.relative_to(folder).as_posix() for path in paths)
    lines = (f"{sha256(folder / name)}  {name}\n" for name in names)
    found = hashlib.sha256("".join(lines).encode()).hexdigest()
    if found != expected.checksum:
        raise ValueError(
            f"The split {split!r} in {folder} must hold {expected.count} pairs "
            f"with the known hashes (checksum {expected.checksum}). Received: "
            f"{len(names)} files, checksum {found}. `kerasseg data "
            f"{folder.name}` names files that changed; the config "
            f"{AS_FOUND!r} takes them as they are"
        )
