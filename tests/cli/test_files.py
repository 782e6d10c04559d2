from pathlib import Path

import pytest

from kerasseg.cli.files import find_images
from kerasseg.cli.files import make_folder
from kerasseg.cli.files import stems
from kerasseg.cli.mistakes import UserMistake


@pytest.fixture
def tree(tmp_path):
    for name in ("b.jpg", "a.PNG", "readme.md", "raw", "inner/c.webp"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path


def names(paths):
    return [path.name for path in paths]


def test_a_folder_gives_its_images_sorted_and_names_the_rest(tree):
    images, left_out = find_images([str(tree)])
    assert names(images) == ["a.PNG", "b.jpg"]
    assert names(left_out) == ["inner", "raw", "readme.md"]


def test_a_file_is_taken_whatever_its_name(tree):
    images, left_out = find_images([str(tree / "raw")])
    assert names(images) == ["raw"]
    assert left_out == []


def test_a_pattern_reaches_inner_folders(tree):
    images, _ = find_images([f"{tree}/**/*.*"])
    assert names(images) == ["a.PNG", "b.jpg", "c.webp"]


def test_an_image_found_twice_is_taken_once(tree):
    images, _ = find_images([str(tree / "b.jpg"), str(tree), f"{tree}/*.jpg"])
    assert names(images) == ["b.jpg", "a.PNG"]


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("{tree}/none.jpg", "no such file or folder: .*none.jpg"),
        ("{tree}/*.tif", r"no images in the pattern .*\*.tif"),
        ("{tree}/empty", "no images in the folder .*empty"),
    ],
)
def test_what_stands_for_no_image_is_a_mistake(tree, argument, message):
    (tree / "empty").mkdir()
    with pytest.raises(UserMistake, match=message):
        find_images([argument.format(tree=tree)])


def test_no_two_images_share_an_output():
    paths = [Path(p) for p in ("x/a.png", "x/a.jpg", "y/a.png", "y/b.png")]
    found = stems(paths)
    assert list(found.values()) == ["a_png", "a_jpg", "a_png_2", "b"]


def test_a_folder_that_cannot_be_made_is_a_mistake(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserMistake, match="cannot make the folder"):
        make_folder(tmp_path / "file" / "out")
