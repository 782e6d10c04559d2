"""CamVid as a dataset of TensorFlow Datasets."""

from kerasseg.data.tfds.folder_builder import FolderBuilder
from kerasseg.data.tfds.folder_builder import Split
from kerasseg.data.tfds.folder_builder import instructions


class Camvid(FolderBuilder):
    """CamVid, the version with 11 classes at 360x480."""

    name = "camvid"
    MANUAL_DOWNLOAD_INSTRUCTIONS = instructions("camvid")
    CITATION = """@article{brostow2009semantic,
  title={Semantic object classes in video: A high-definition ground truth
    database},
  author={Brostow, Gabriel J. and Fauqueur, Julien and Cipolla, Roberto},
  journal={Pattern Recognition Letters},
  volume={30},
  number={2},
  year={2009}
}"""
    SPLITS = {
        "train": Split(
            367,
            "6e7244fecdb9d8ff5106029c1e59fef109b62ee7ca6f37a9624acd4bea7f1989",
        ),
        "val": Split(
            101,
            "ec6ec6a7e07f6d79191b8a5adea1732c218bb137dfad9c5de4221f757a4da7db",
        ),
        "test": Split(
            233,
            "f0316987e769bc5b82fabe016f953bb8377d2a7d7d38fb9da0681068b5d33f56",
        ),
    }
