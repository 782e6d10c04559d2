"""The layouts by name, in the order in which a folder is compared with them."""

from kerasseg.data.folder import SegmentationFolder
from kerasseg.data.layouts import ade20k
from kerasseg.data.layouts import cityscapes
from kerasseg.data.layouts import coco
from kerasseg.data.layouts import cvat
from kerasseg.data.layouts import labelme
from kerasseg.data.layouts import oxford_pets
from kerasseg.data.layouts import pascal_context
from kerasseg.data.layouts import segnet
from kerasseg.data.layouts import voc
from kerasseg.data.layouts.layout import Layout
from kerasseg.data.layouts.layout import folders_in
from kerasseg.data.layouts.layout import with_labels

FOLDERS = Layout(
    "folders",
    "images/SPLIT/NAME.jpg and masks/SPLIT/NAME.png",
    lambda folder: all((folder / k).is_dir() for k in ("images", "masks")),
    lambda folder: folders_in(folder / "images"),
    lambda folder, split, labels: SegmentationFolder(
        folder, split, with_labels(labels, "folders")
    ),
)

# The masks of CVAT lie almost as those of VOC do, hence before them.
LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        FOLDERS,
        cvat.MASKS,
        pascal_context.LAYOUT,
        voc.LAYOUT,
        voc.SBD,
        cityscapes.LAYOUT,
        cityscapes.IDD_LITE,
        ade20k.LAYOUT,
        oxford_pets.LAYOUT,
        segnet.LAYOUT,
        coco.LAYOUT,
        cvat.LAYOUT,
        labelme.LAYOUT,
    )
}
