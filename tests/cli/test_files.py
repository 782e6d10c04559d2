import argparse
import os
from pathlib import Path

import pytest

from kerasseg.cli.errors import UsageError
from kerasseg.cli.files import find_images
from kerasseg.cli.files import make_folder
from kerasseg.cli.files import name_argument
from kerasseg.cli.files import output_file
from kerasseg.cli.files import path_argument
from kerasseg.cli.files import stems


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


def test_hidden_files_of_a_folder_are_left_out(tree):
    (tree / "._b.jpg").touch()
    images, left_out = find_images([str(tree)])
    assert names(images) == ["a.PNG", "b.jpg"]
    assert "._b.jpg" in names(left_out)
    assert names(find_images([str(tree / "._b.jpg")])[0]) == ["._b.jpg"]


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
def test_what_stands_for_no_image_is_a_usage_error(tree, argument, message):
    (tree / "empty").mkdir()
    with pytest.raises(UsageError, match=message):
        find_images([argument.format(tree=tree)])


def test_no_two_images_share_an_output():
    paths = [Path(p) for p in ("x/a.png", "x/a.jpg", "y/a.png", "y/b.png")]
    found = stems(paths)
    assert list(found.values()) == ["a_png", "a_jpg", "a_png_2", "b"]


def test_a_folder_that_cannot_be_made_is_a_usage_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot make the folder"):
        make_folder(tmp_path / "file" / "out")


def test_a_folder_that_cannot_be_written_to_is_a_usage_error():
    with pytest.raises(UsageError, match="cannot write to the folder /proc"):
        make_folder("/proc")


def test_an_output_file_is_checked_before_there_is_anything(tmp_path):
    assert output_file(tmp_path / "new" / "a.json").parent.is_dir()
    assert os.listdir(tmp_path / "new") == []
    (tmp_path / "old.json").touch()
    assert output_file(tmp_path / "old.json") == tmp_path / "old.json"
    with pytest.raises(UsageError, match="new: it is a folder"):
        output_file(tmp_path / "new")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="pipe: it is no regular file"):
        output_file(tmp_path / "pipe")
    with pytest.raises(UsageError, match="cannot make the folder"):
        output_file(tmp_path / "old.json" / "a.json")


@pytest.mark.parametrize("argument", [path_argument, name_argument])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be a path"),
        ("a\0b", "must be a path"),
        ("~nobody-of-that-name/a", "the home folder is not known"),
        ("a" * 256, "too long"),
        ("a/" * 4000, "too long"),
    ],
)
def test_what_no_file_can_be_called_is_refused(argument, text, message):
    with pytest.raises(argparse.ArgumentTypeError, match=message):
        argument(text)


def test_the_home_folder_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert path_argument("~/a") == tmp_path / "a"
    assert name_argument("~/a") == str(tmp_path / "a")
    assert name_argument("./lrr_4x") == "./lrr_4x"
