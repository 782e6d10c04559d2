"""Nuclei as a dataset of TensorFlow Datasets."""

from kerasseg.data.tfds.folder_builder import FolderBuilder
from kerasseg.data.tfds.folder_builder import Split
from kerasseg.data.tfds.folder_builder import instructions


class Nuclei(FolderBuilder):
    """Cell nuclei in microscope images, of the 2018 Data Science Bowl."""

    name = "nuclei"
    MANUAL_DOWNLOAD_INSTRUCTIONS = instructions("nuclei")
    CITATION = """@article{caicedo2019nucleus,
  title={Nucleus segmentation across imaging experiments: the 2018 Data
    Science Bowl},
  author={Caicedo, Juan C. and others},
  journal={Nature Methods},
  volume={16},
  year={2019}
}"""
    SPLITS = {
        "train": Split(
            150,
            "cb16d1b58074588cd5dc70c81119ee0d4e1878f59615bcc9b8330e8d582d06bb",
        ),
        "val": Split(
            50,
            "63992e9f4d10dfe849487e82788ade2840c9d95722d1cee7d5bb93cb86d0c551",
        ),
        "test": Split(
            50,
            "1c0409b581bf34d2b667ab3c8ddc51ee04141de0538bf605781e42aabaaa06ad",
        ),
    }
