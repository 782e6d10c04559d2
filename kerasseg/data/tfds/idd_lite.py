"""IDD-Lite as a dataset of TensorFlow Datasets."""

from kerasseg.data.tfds.folder_builder import FolderBuilder
from kerasseg.data.tfds.folder_builder import Split
from kerasseg.data.tfds.folder_builder import instructions


class IddLite(FolderBuilder):
    """IDD-Lite, small images of streets in India."""

    name = "idd_lite"
    MANUAL_DOWNLOAD_INSTRUCTIONS = instructions("idd_lite")
    CITATION = """@inproceedings{mishra2019semantic,
  title={Semantic Segmentation Datasets for Resource Constrained Training},
  author={Mishra and others},
  booktitle={NCVPRIPG},
  year={2019}
}"""
    SPLITS = {
        "train": Split(
            1403,
            "458f70dde6809f3efc0ef40ace86f655079531f84b6e3eb99db39a1b702f9d17",
        ),
        "val": Split(
            204,
            "ba4b98c742202f5f871221ff8b9a687759d5b4ace22a75e991232defde537b52",
        ),
    }
