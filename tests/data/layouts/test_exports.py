"""Files in the form in which LabelMe, CVAT and COCO write them."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from kerasseg.data import Labels
from kerasseg.data import load
from kerasseg.data.layouts import coco

LABELS = Labels(("background", "car", "person"))


def shape(label, points, kind="polygon", **more):
    return {"label": label, "points": points, "shape_type": kind, **more}


def write_labelme(folder, *shapes, image="a.png", **more):
    record = {"shapes": list(shapes), "imagePath": image, "imageData": None}
    record |= more
    (folder / "a.json").write_text(json.dumps(record))


def test_labelme(tmp_path, paint):
    paint("train/a.png", size=(20, 30))
    stencil = io.BytesIO()
    Image.fromarray(np.eye(3, dtype="uint8") * 255).save(stencil, "PNG")
    code = base64.b64encode(stencil.getvalue()).decode()
    write_labelme(
        tmp_path / "train",
        shape("car", [[2, 3], [12, 3], [12, 9], [2, 9]]),
        shape("person", [[20, 10], [17, 6]], "rectangle"),
        shape("__ignore__", [[5, 5], [7, 7]], "rectangle"),
        shape("car", [[25, 15], [27, 15]], "circle"),
        shape("person", [[0, 16], [2, 18]], "mask", mask=code),
        image="..\\old\\a.png",
    )
    mask = load(tmp_path, "train", labels=LABELS)[0][1]
    expected = np.zeros((20, 30), int)
    expected[3:10, 2:13] = 1
    expected[6:11, 17:21] = 2
    expected[5:8, 5:8] = 255
    np.testing.assert_array_equal(mask[:11, :22], expected[:11, :22])
    assert mask[15, 25] == mask[15, 27] == mask[13, 25] == 1
    assert (mask[17:, 20:23] == 0).all()
    np.testing.assert_array_equal(mask[16:19, :3], 2 * np.eye(3))


def test_labelme_without_splits_brings_its_names(tmp_path, paint, write_list):
    paint("a.png")
    write_list("labels.txt", "__ignore__", "_background_", "car", "person")
    write_labelme(tmp_path, shape("person", [[0, 0], [9, 0], [9, 9]]))
    data = load(tmp_path, "all")
    assert data.labels.class_names == LABELS.class_names
    assert data[0][1][0, 8] == 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (shape("cra", [[0, 0], [9, 0], [9, 9]]), "Did you mean 'car'"),
        (shape("car", [[0, 0], [9, 0]], "line"), "an area.*'line' for 'car'"),
        (shape("car", [[0, 0], [9, 0]]), "three points or more"),
        ({"label": "car"}, "shapes with label and points"),
        (shape("car", [[0, 0]], "mask", mask="A"), "damaged mask"),
        (shape("car", [[0, 0, 1], [9, 0, 1], [9, 9, 1]]), "of two numbers"),
        (shape("car", [[0, 0], [9, 0], [9, float("nan")]]), "points within"),
        (shape("car", [[0, 0], [9, 0], [9, 1e12]]), "points within"),
        (shape("car", [[0, 0], [9, float("inf")]], "rectangle"), "within"),
        (shape("car", [[0, 0], [9, 1e12]], "circle"), "points within"),
    ],
)
def test_labelme_refuses(tmp_path, paint, wrong, message):
    paint("a.png")
    write_labelme(tmp_path, wrong)
    data = load(tmp_path, "all", labels=LABELS)
    with pytest.raises(ValueError, match=rf"a\.json.*{message}"):
        data[0]


def test_shapes_of_a_smaller_image_are_refused(tmp_path, paint):
    paint("a.png", size=(21, 34))
    car = shape("car", [[0, 0], [9, 0], [9, 9]])
    write_labelme(tmp_path, car, imageHeight=21, imageWidth=34)
    assert load(tmp_path, "all", labels=LABELS)[0][1].max() == 1
    write_labelme(tmp_path, car, imageHeight=42, imageWidth=68)
    data = load(tmp_path, "all", labels=LABELS)
    with pytest.raises(ValueError, match=r"a\.json.*68x42.*34x21 of .*a\.png"):
        data[0]


def test_labelme_without_its_image(tmp_path):
    write_labelme(tmp_path, shape("car", [[0, 0], [9, 0], [9, 9]]))
    with pytest.raises(ValueError, match="must lie beside its image"):
        load(tmp_path, "all", labels=LABELS)


CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version>
<meta><task><labels>
<label><name>car</name><color>#204060</color><type>any</type></label>
<label><name>person</name><color>#ff0010</color><type>any</type></label>
</labels></task></meta>
<image id="0" name="day/a.png" {subset} width="30" height="20">{shapes}</image>
</annotations>
"""


def write_cvat(folder, shapes, subset=""):
    text = CVAT.format(shapes=shapes, subset=subset)
    (folder / "annotations.xml").write_text(text)


def test_cvat(tmp_path, paint):
    paint("images/day/a.png", size=(20, 30))
    write_cvat(
        tmp_path,
        """<box label="person" xtl="17" ytl="6" xbr="20" ybr="10" z_order="1"/>
        <polygon label="car" points="2,3;19,3;19,9;2,9" z_order="0"/>
        <mask label="car" rle="0, 1, 2, 1" left="4" top="14" width="2"
              height="2" z_order="0"/>
        <ellipse label="person" cx="25" cy="15" rx="3" ry="1"/>
        <box label="car" xtl="10" ytl="14" xbr="16" ybr="16" rotation="90"/>
        <tag label="car"/>""",
    )
    data = load(tmp_path, "all")
    assert data.labels.class_names == LABELS.class_names
    assert data.labels.palette[1:] == ((32, 64, 96), (255, 0, 16))
    assert data.names == ["day/a"]
    mask = data[0][1]
    expected = np.zeros((20, 30), int)
    expected[3:10, 2:20] = 1
    expected[6:11, 17:21] = 2
    expected[14, 4] = expected[15, 5] = 1
    expected[12:19, 12:15] = 1
    np.testing.assert_array_equal(mask[:, :21], expected[:, :21])
    assert mask[15, 22] == mask[15, 28] == mask[14, 25] == 2
    assert mask[13, 25] == mask[15, 21] == 0


def test_cvat_subsets_are_splits(tmp_path, paint):
    paint("images/val/day/a.png", size=(20, 30))
    write_cvat(tmp_path, "", 'subset="val"')
    assert load(tmp_path, "val", labels=LABELS)[0][1].max() == 0
    with pytest.raises(ValueError, match="val. Received: split='train'"):
        load(tmp_path, "train", labels=LABELS)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ('<polyline label="car" points="1,1;2,2"/>', "an area.*polyline"),
        ('<polygon label="lorry" points="1,1;2,2;3,1"/>', "name classes"),
        ('<box label="car" xtl="1"/>', "damaged box"),
        (
            '<mask label="car" rle="9" left="0" top="0" width="2" height="2"/>',
            "4 pixels at most. Received: 9",
        ),
        (
            '<mask label="car" rle="9,99999999999999" left="0" top="0" '
            'width="2" height="2"/>',
            "4 pixels at most",
        ),
        ('<polygon label="car" points="1,1;2,inf;3,1"/>', "points within"),
        ('<polygon label="car" points="1,1;2,x;3,1"/>', "damaged polygon.*'x'"),
        ('<polygon label="car" points="1,1;2;3,1"/>', "damaged polygon"),
        (
            '<mask label="car" rle="-3,7" left="0" top="0" width="2" '
            'height="2"/>',
            "damaged mask",
        ),
        ('<box label="car" xtl="1" ytl="1" xbr="nan" ybr="4"/>', "within"),
    ],
)
def test_cvat_refuses(tmp_path, paint, shapes, message):
    paint("images/day/a.png", size=(20, 30))
    write_cvat(tmp_path, shapes)
    match = rf"annotations\.xml, image day/a .*{message}"
    with pytest.raises(ValueError, match=match):
        load(tmp_path, "all")[0]


def test_cvat_of_a_smaller_image(tmp_path, paint):
    paint("images/day/a.png", size=(10, 15))
    write_cvat(tmp_path, "")
    with pytest.raises(ValueError, match=r"30x20 pixels there, and 15x10 of"):
        load(tmp_path, "all")[0]


def test_damaged_cvat(tmp_path):
    (tmp_path / "annotations.xml").write_text("<annotations><image>")
    with pytest.raises(ValueError, match=r"Cannot read .*annotations\.xml"):
        load(tmp_path, "all")


def test_masks_of_cvat(tmp_path, paint, write_list, rng):
    paint("JPEGImages/a.png")
    write_list(
        "labelmap.txt",
        "# label:color_rgb:parts:actions",
        "background:0,0,0::",
        "car:64,0,128::",
        "ignore:7,7,7::",
    )
    write_list("ImageSets/Segmentation/default.txt", "a")
    ids = rng.integers(0, 3, (21, 34))
    colors = np.array([(0, 0, 0), (64, 0, 128), (7, 7, 7)], "uint8")[ids]
    (tmp_path / "SegmentationClass").mkdir()
    Image.fromarray(colors).save(tmp_path / "SegmentationClass" / "a.png")
    data = load(tmp_path, "default")
    assert data.labels.class_names == ("background", "car")
    np.testing.assert_array_equal(data[0][1], np.where(ids == 2, 255, ids))


def coco_record(*segmentations, size=(20, 30)):
    return {
        "images": [
            {"id": 5, "file_name": "a.png", "height": size[0], "width": size[1]}
        ],
        "categories": [{"id": 18, "name": "person"}, {"id": 3, "name": "car"}],
        "annotations": [
            {"image_id": 5, "category_id": category, "segmentation": s}
            for category, s in segmentations
        ],
    }


def write_coco(folder, record):
    (folder / "annotations").mkdir(exist_ok=True)
    path = folder / "annotations" / "instances_val2017.json"
    path.write_text(json.dumps(record))


@pytest.fixture
def tools():
    return pytest.importorskip(
        "pycocotools.mask", reason="pycocotools is not installed"
    )


def test_coco(tmp_path, paint, tools):
    paint("val2017/a.png", size=(20, 30))
    inside = np.zeros((20, 30), "uint8")
    inside[2:5, 20:29] = 1
    compressed = tools.encode(np.asfortranarray(inside))
    compressed["counts"] = compressed["counts"].decode()
    # Runs go down the columns: the last row alone, of one column.
    runs = {"size": [20, 30], "counts": [19, 1, 580]}
    small = [[6, 6, 9, 6, 9, 9, 6, 9]]
    large = [[2, 3, 12, 3, 12, 12, 2, 12], [15, 15, 18, 15, 18, 18, 15, 18]]
    write_coco(
        tmp_path,
        coco_record((18, small), (3, large), (3, compressed), (18, runs)),
    )
    data = load(tmp_path, "val2017")
    assert data.labels.class_names == ("background", "car", "person")
    expected = np.zeros((20, 30), int)
    expected[3:12, 2:12] = expected[15:18, 15:18] = 1
    expected[6:9, 6:9] = expected[19, 0] = 2
    expected[2:5, 20:29] = 1
    np.testing.assert_array_equal(data[0][1], expected)
    other = Labels(("background", "person", "car", "dog"))
    mask = load(tmp_path, "val2017", labels=other)[0][1]
    np.testing.assert_array_equal(mask, np.array([0, 2, 1])[expected])


def test_coco_paints_on_the_background(tmp_path, paint, tools):
    paint("val2017/a.png", size=(20, 30))
    square = [[6, 6, 9, 6, 9, 9, 6, 9]]
    record = coco_record((18, square))
    record["categories"].append({"id": 90, "name": "background"})
    write_coco(tmp_path, record)
    data = load(tmp_path, "val2017")
    assert data.labels.class_names == ("background", "car", "person")
    assert np.unique(data[0][1]).tolist() == [0, 2]
    late = Labels(("car", "background", "person"))
    with pytest.raises(ValueError, match="'background' first"):
        load(tmp_path, "val2017", labels=late)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"categories": None}, "the form of COCO's instances"),
        ({"annotations": [{"category_id": 4}]}, "a category for each"),
        ({"images": [{"id": 1}]}, "not found in one.*'file_name'"),
    ],
)
def test_coco_refuses(tmp_path, paint, change, message):
    paint("val2017/a.png", size=(20, 30))
    write_coco(tmp_path, {**coco_record(), **change})
    with pytest.raises(ValueError, match=f"(?i){message}"):
        load(tmp_path, "val2017")


@pytest.mark.parametrize("value", ['1, "id": 2', "1]"])
def test_coco_that_is_no_strict_json(tmp_path, paint, value):
    paint("val2017/a.png", size=(20, 30))
    write_coco(tmp_path, coco_record())
    (path,) = tmp_path.glob("**/*.json")
    text = path.read_text().replace('"id": 5,', f'"id": {value},', 1)
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"{path.name} is not JSON"):
        load(tmp_path, "val2017")


def test_numbers_that_nobody_reads_may_be_nan(tmp_path, paint, tools):
    paint("val2017/a.png", size=(20, 30))
    record = coco_record((3, [[6, 6, 9, 6, 9, 9, 6, 9]]))
    record["annotations"][0] |= {"area": float("nan"), "score": float("inf")}
    write_coco(tmp_path, record)
    assert load(tmp_path, "val2017")[0][1].sum() == 9
    paint("shapes/a.png")
    car = shape("car", [[0, 0], [9, 0], [9, 9]], score=float("nan"))
    write_labelme(tmp_path / "shapes", car)
    data = load(tmp_path / "shapes", "all", labels=LABELS)
    assert data[0][1].max() == 1


@pytest.mark.parametrize(
    ("part", "key", "value", "message"),
    [
        ("annotations", "image_id", "5", "an image for each.*image_id='5'"),
        ("annotations", "image_id", 6, "an image for each.*image_id=6"),
        ("images", "id", float("nan"), "an image for each.*image_id=5"),
        ("images", "height", float("nan"), "height and width.*nan, 30"),
        ("images", "width", -1, "height and width.*-1"),
        ("categories", "id", 3, "categories another id. Received twice: id=3"),
    ],
)
def test_coco_whose_records_do_not_belong_together(
    tmp_path, paint, part, key, value, message
):
    paint("val2017/a.png", size=(20, 30))
    record = coco_record((3, [[6, 6, 9, 6, 9, 9, 6, 9]]))
    record[part][0][key] = value
    write_coco(tmp_path, record)
    with pytest.raises(ValueError, match=f"instances_val2017.json.*{message}"):
        load(tmp_path, "val2017")


@pytest.mark.parametrize("height", [21, 10**12])
def test_coco_of_another_size_than_the_image(tmp_path, paint, height):
    paint("val2017/a.png", size=(20, 30))
    record = coco_record((3, [[6, 6, 9, 6, 9, 9, 6, 9]]), size=(height, 30))
    write_coco(tmp_path, record)
    message = rf"instances_val2017.json.*30x{height} .*30x20 of .*a\.png"
    with pytest.raises(ValueError, match=message):
        load(tmp_path, "val2017")[0]


def test_coco_of_two_images_with_one_id(tmp_path, paint):
    paint("val2017/a.png", size=(20, 30))
    record = coco_record()
    record["images"] *= 2
    write_coco(tmp_path, record)
    with pytest.raises(ValueError, match="images another id.*twice: id=5"):
        load(tmp_path, "val2017")


def test_parts_without_an_area(tmp_path, paint, tools):
    paint("val2017/a.png", size=(20, 30))
    square = [6, 6, 9, 6, 9, 9, 6, 9]
    # Four numbers are two points, no box of 3 x 4 pixels.
    write_coco(tmp_path, coco_record((3, [[1, 1, 3, 4], square, []])))
    mask = load(tmp_path, "val2017")[0][1]
    assert mask.sum() == mask[6:9, 6:9].sum() == 9
    write_coco(tmp_path, coco_record((3, [[1, 1, 3, 4]])))
    assert load(tmp_path, "val2017")[0][1].max() == 0


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ([[6, 6, 9, 6, 9, 9, 6]], "x, y, x, y"),
        ([6, 6, 9, 6, 9, 9], "x, y, x, y"),
        ([[6, 6, 9, 6, float("inf"), 9]], "within"),
        ([[6, 6, 9, 6, float("nan"), 9]], "within"),
        ([[6, 6, 9, 6, 1e9, 9]], "within"),
        ({"size": [20, 30], "counts": [5, 10]}, "15 pixels"),
        ({"size": [20, 30], "counts": []}, "0 pixels"),
        ({"size": [20, 30], "counts": [590, -10, 20]}, "no number of pixels"),
        ({"size": [20, 30], "counts": "5:"}, "15 pixels"),
        ({"size": [20, 30], "counts": "\x7f"}, "no digit"),
        ({"size": [20, 30], "counts": "P"}, "cut off"),
        (None, "NoneType"),
    ],
)
def test_damaged_segmentations_of_coco(tmp_path, paint, segmentation, message):
    paint("val2017/a.png", size=(20, 30))
    write_coco(tmp_path, coco_record((3, segmentation)))
    data = load(tmp_path, "val2017")
    with pytest.raises(ValueError, match=f"segmentation of image a.*{message}"):
        data[0]


@pytest.mark.parametrize("share", [0, 0.001, 0.1, 0.5, 0.999, 1])
def test_compressed_runs_are_those_of_pycocotools(rng, tools, share):
    inside = rng.random((211, 307)) < share
    inside[: int(211 * share)] |= rng.random((int(211 * share), 1)) < 0.5
    code = tools.encode(np.asfortranarray(inside, "uint8"))
    code["counts"] = code["counts"].decode()
    found = coco._inside(tools, code, inside.shape)
    np.testing.assert_array_equal(found, inside)


def test_coco_without_its_image_and_damaged_runs(tmp_path, paint, tools):
    write_coco(tmp_path, coco_record())
    with pytest.raises(ValueError, match=r"Missing: .*a\.png"):
        load(tmp_path, "val2017")
    paint("val2017/a.png", size=(20, 30))
    short = {"size": [3, 3], "counts": [9]}
    write_coco(tmp_path, coco_record((3, short)))
    with pytest.raises(ValueError, match="damaged segmentation of image a"):
        load(tmp_path, "val2017")[0]
