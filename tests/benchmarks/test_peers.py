import types

import numpy as np
import pytest

from kerasseg import benchmark
from kerasseg.benchmark import Timing


@pytest.fixture
def peers(script):
    return script("peers")


@pytest.fixture
def sessions(monkeypatch):
    """An ONNX Runtime that reads the shape of the input in the file."""
    import onnxruntime

    def session(path, providers):
        with open(path) as file:
            shape = [int(size) for size in file.read().split()]
        entry = types.SimpleNamespace(shape=shape, type="tensor(float)")
        return types.SimpleNamespace(get_inputs=lambda: [entry])

    monkeypatch.setattr(onnxruntime, "InferenceSession", session)


def test_peers_say_themselves_what_they_take(peers, sessions, tmp_path):
    (tmp_path / "SMP Unet.onnx").write_text("1 3 32 64")
    (tmp_path / "KerasHub DeepLabV3.onnx").write_text("1 32 64 3")
    (tmp_path / "KerasHub DeepLabV3.onnx.json").write_text("{}")
    last, first = peers.peer_targets(tmp_path, (32, 64))
    assert (first.name, first.layout) == ("SMP Unet", "NCHW")
    assert (last.name, last.layout) == ("KerasHub DeepLabV3", "NHWC")
    np.testing.assert_array_equal(
        first.inputs().transpose(0, 1, 3, 4, 2), last.inputs()
    )


def test_peers_of_another_size_are_refused(peers, sessions, tmp_path):
    with pytest.raises(SystemExit, match="holds no ONNX files"):
        peers.peer_targets(tmp_path, (32, 64))
    (tmp_path / "SMP Unet.onnx").write_text("1 3 64 64")
    with pytest.raises(SystemExit, match=r"images of \(64, 64\), not \(32, 6"):
        peers.peer_targets(tmp_path, (32, 64))


def test_street_entries_with_weights_take_part(peers):
    assert "lrr_4x" in peers.trained()
    assert "lrr_4x_nuclei" not in peers.trained()
    assert "fcn_8s_vgg16" not in peers.trained()


@pytest.mark.slow
@pytest.mark.export
def test_the_backbone_alone_is_a_file_to_time(peers, tmp_path):
    targets = peers.own_targets([], tmp_path, (64, 96))
    assert [target.name for target in targets] == [peers.BASE]
    assert targets[0].input_shape == (1, 64, 96, 3)


def test_the_table_has_ratios_to_the_backbone(peers, capsys):
    timings = [
        Timing(
            benchmark.Target(name, "x.onnx", "onnx", (1, 32, 64, 3)),
            bytes=10**6,
            rounds=((seconds,),) if seconds else (),
            error=None if seconds else "killed",
        )
        for name, seconds in ((peers.BASE, 0.01), ("Unet", 0.05), ("FPN", 0))
    ]
    report = benchmark.Report(timings, {"processor": "abacus"}, peers.BASE)
    peers.print_report(report)
    out = capsys.readouterr().out
    assert "| Unet | 50.0 | 50.0 | 20.0 | 5.00 |" in out
    assert "FPN: cannot be run: killed" in out
