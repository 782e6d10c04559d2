r"""Streets of India and of England under models of either and of both.

Commands: kerasseg train zoo/lrr_4x_idd/both_streets.py --out runs/both_streets
          python zoo/lrr_4x_idd/both_streets_scores.py runs/both_streets
The second, run from the top of the repository, scores the packaged lrr_4x_idd
and the model of both once on CamVid's test images, in the 7 classes of
IDD-Lite, and the model of both on IDD-Lite's validation images.
"""

import json
import sys
from pathlib import Path

from kerasseg.cli.main import main as kerasseg_command
from kerasseg.cli.train import load_recipe
from kerasseg.data import places

HERE = Path(__file__).parent


def joined_camvid(folder):
    """CamVid's files, with labels that join its classes."""
    recipe = load_recipe(HERE / "both_streets.py")
    labels = recipe.train.__globals__["JOINED"]
    folder.mkdir(parents=True, exist_ok=True)
    for kind in ("images", "masks"):
        link = folder / kind
        link.unlink(missing_ok=True)
        link.symlink_to(places.data_root() / "camvid" / kind)
    text = json.dumps(labels.to_json(), indent=2)
    (folder / "labels.json").write_text(text, encoding="utf-8")
    return folder


def main(run):
    camvid = ("--data", joined_camvid(Path(run, "camvid")), "--split", "test")
    india = ("--data", "idd_lite", "--split", "val")
    both = Path(run, "model")
    for entry, data, name in (
        (both, india, "both_streets"),
        (both, camvid, "both_streets_camvid"),
        ("lrr_4x_idd", camvid, "packaged_camvid"),
    ):
        # Relative, since the record names it.
        out = Path("zoo", "lrr_4x_idd", f"{name}.json")
        command = ["evaluate", entry, *data, "--boundaries", "--out", out]
        if kerasseg_command([*map(str, command)]):
            raise SystemExit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
