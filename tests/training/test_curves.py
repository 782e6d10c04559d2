import numpy as np
import pytest
from PIL import Image

from kerasseg.training import plot_curves

pytest.importorskip("matplotlib", reason="draws the curves")


def colors(path):
    with Image.open(path) as plot:
        plot.load()
        assert plot.format == "PNG"
        assert min(plot.size) > 200
        pixels = np.asarray(plot.convert("RGB"))
    return len(np.unique(pixels.reshape(-1, 3), axis=0))


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    "text",
    [
        "epoch,loss,mean_iou\n0,2.0,0.1\n1,1.0,0.3\n",
        "epoch,loss,val_loss\n0,2.0,NA\n1,1.0,NA\n",
        "epoch,loss,val_loss,mean_iou,val_mean_iou\n0,2.0,3.0,nan,0.2\n",
    ],
)
def test_draws_losses_and_scores(tmp_path, text):
    log, path = tmp_path / "log.csv", tmp_path / "curves.png"
    log.write_text(text)
    plot_curves(log, path, title="tiny")
    assert colors(path) > 10
    assert {p.name for p in tmp_path.iterdir()} == {"log.csv", "curves.png"}


def test_paths_may_be_strings(tmp_path):
    (tmp_path / "log.csv").write_text("epoch,loss\n0,2.0\n")
    plot_curves(f"{tmp_path}/log.csv", f"{tmp_path}/curves.png")
    assert colors(tmp_path / "curves.png") > 10


def test_a_log_without_epochs(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("epoch,loss\n")
    with pytest.raises(ValueError, match="`log` must hold an epoch"):
        plot_curves(log, tmp_path / "curves.png")
