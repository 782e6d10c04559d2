"""What the pages tell a reader to type works: by day read, by night run."""

import shutil

import pages
import pytest
from PIL import Image
from source import ROOT
from source import name_of

from kerasseg.cli.errors import UsageError

pytestmark = pytest.mark.one_backend

DOCS = ROOT / "docs"
TUTORIAL = DOCS / "tutorial.md"
# The other pages go on in the folder that the tutorial leaves.
OTHERS = [path for path in pages.pages() if path != TUTORIAL]


def _check(path, own_files):
    titles, given = set(own_files), set()
    for block in pages.blocks(path):
        if block.title:
            titles.add(block.title)
        if block.language == "bash":
            for line in block.lines():
                pages.check_command(line, titles)
            continue
        if block.language == "cpp":
            assert block.title
            continue
        pages.check_code(block.text)
        # What imports anew stands by itself.
        alone = block.text.startswith("import kerasseg\n")
        unknown, names = pages.unknown_names(
            block.text, () if alone else given
        )
        assert not unknown, f"{name_of(path)} names {unknown} of nowhere"
        given |= names


@pytest.mark.parametrize("path", pages.pages(), ids=name_of)
def test_commands_parse_and_code_names_what_exists(path):
    left = {"draw.py", "train.py"} if path in OTHERS else set()
    _check(path, left)


def test_blocks_are_found_with_their_marks(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(
        '```python title="a.py"\nx = 1\n```\n\n'
        "<!-- not run: needs a file -->\n"
        "```bash\nkerasseg data \\\n  camvid  # where\n# nothing\n```\n"
        "```text\nnot code\n```\n"
    )
    first, second = pages.blocks(path)
    assert (first.title, first.text, first.reason) == ("a.py", "x = 1\n", None)
    assert second.reason == "needs a file"
    assert second.lines() == ["kerasseg data    camvid"]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("python other.py", "no such file on the page"),
        ("cp kerasseg/export/none.py .", "no such file"),
        ("make nothing", "make nothing"),
        ("pip install '.[litert,lite]'", "lite"),
        ("rm -rf /", "no test knows"),
    ],
)
def test_a_command_that_cannot_work_is_found(command, message):
    with pytest.raises(AssertionError, match=message):
        pages.check_command(command, {"draw.py"})


def test_options_and_names_that_do_not_exist_are_found():
    with pytest.raises(UsageError, match="no-such"):
        pages.check_command("kerasseg predict lrr_4x a.png --no-such", set())
    with pytest.raises(ModuleNotFoundError, match="no_such"):
        pages.check_code("import kerasseg\nkerasseg.zoo.no_such('x')")
    with pytest.raises(TypeError, match="no_such"):
        pages.check_code("kerasseg.zoo.load('lrr_4x', no_such=1)")
    with pytest.raises(TypeError, match="missing a required"):
        pages.check_code("kerasseg.export.to_onnx(model)")
    unknown, _ = pages.unknown_names("y = x\nz = y", before=("w",))
    assert unknown == ["x"]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    """A folder in which a reader has followed the tutorial."""
    from kerasseg.cli.demo_images import draw_street

    folder = tmp_path_factory.mktemp("workshop")
    (folder / "kerasseg").symlink_to(ROOT)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        pages.run(TUTORIAL)
    (folder / "demo").mkdir()
    Image.fromarray(draw_street()).save(folder / "demo" / "street.png")
    return folder


@pytest.mark.nightly
@pytest.mark.export
def test_the_tutorial_ends_with_verified_files(workshop, capsys):
    for name in ("coins.tflite", "coins_int8.tflite", "coins.onnx"):
        assert (workshop / name).is_file()
        assert (workshop / f"{name}.json").is_file()
    assert len(list((workshop / "predictions").iterdir())) == 24
    assert (workshop / "overlay.png").is_file()


@pytest.mark.nightly
@pytest.mark.export
@pytest.mark.parametrize("path", OTHERS, ids=name_of)
def test_the_page_runs_as_printed(path, workshop, tmp_path, monkeypatch):
    shutil.copytree(workshop, tmp_path, symlinks=True, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    pages.run(path)
