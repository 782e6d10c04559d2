"""The Oxford-IIIT pets with their trimaps."""

from kerasseg.data.layouts.layout import Layout
from kerasseg.data.layouts.layout import listed
from kerasseg.data.layouts.layout import names_in
from kerasseg.label_sets import OXFORD_PETS


def _fits(folder):
    return (folder / "annotations" / "trimaps").is_dir()


def _splits(folder):
    lists = ("trainval", "test")
    return [s for s in lists if (folder / "annotations" / f"{s}.txt").is_file()]


def _read(folder, split, labels):
    annotations = folder / "annotations"
    return listed(
        names_in(annotations / f"{split}.txt"),
        lambda name: folder / "images" / f"{name}.jpg",
        lambda name: annotations / "trimaps" / f"{name}.png",
        labels or OXFORD_PETS,
    )


LAYOUT = Layout(
    "oxford_pets",
    "images/NAME.jpg, annotations/trimaps/NAME.png and "
    "annotations/{trainval,test}.txt",
    _fits,
    _splits,
    _read,
)
