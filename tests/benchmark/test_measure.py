import pytest

from kerasseg.benchmark import Target
from kerasseg.benchmark import measure
from kerasseg.benchmark.energy import EnergyCounters


def target(name, folder, width=20, dtype="float32"):
    path = folder / f"{name}.onnx"
    path.write_bytes(b"graph")
    shape = (1, 34, width, 3)
    form = {"scale": 2.0, "zero_point": 0} if dtype == "int8" else None
    return Target(
        name,
        str(path),
        "onnx",
        shape,
        input_dtype=dtype,
        input_quantization=form,
    )


def test_files_take_turns_and_one_that_fails_stops_no_other(stand_in, tmp_path):
    done = []
    targets = [
        target("fast", tmp_path),
        target("unknown", tmp_path, dtype="int8"),
        target("slow", tmp_path, width=60),
        target("crashing", tmp_path, dtype="float16"),
    ]
    timings = measure(
        targets, threads=1, rounds=3, runs=2, pause=0, progress=done.append
    )
    fast, unknown, slow, crashing = timings
    assert done == [1, 2, 3]
    assert [len(runs) for runs in fast.rounds] == [2, 2, 2]
    assert slow.ratio(fast) == pytest.approx(4)
    assert slow.median_ms == pytest.approx(20)
    assert slow.p95_ms == pytest.approx(20)
    assert fast.images_per_second == pytest.approx(200)
    assert fast.peak_bytes == 3_000_000
    assert fast.runtime == "stand-in 1"
    assert fast.cores == (0,)
    assert unknown.error == "no such operator"
    assert crashing.error == "the process ended with code 7: out of memory"
    assert crashing.rounds == ()
    assert crashing.median_ms is crashing.ratio(fast) is None


def test_energy_is_that_of_one_image(stand_in, tmp_path, monkeypatch):
    readings = iter(range(0, 1000, 3))
    monkeypatch.setattr(EnergyCounters, "available", True)
    monkeypatch.setattr(EnergyCounters, "read", lambda self: next(readings))
    monkeypatch.setattr(
        EnergyCounters, "joules", lambda self, before, after: after - before
    )
    (timing,) = measure(
        [target("net", tmp_path)], threads=1, rounds=2, runs=2, pause=0
    )
    assert timing.joules == 1.0  # 3 joules in a turn of 1 + 2 runs.


def test_an_interruption_leaves_no_process(stand_in, tmp_path):
    def interrupt(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure(
            [target("net", tmp_path)],
            threads=1,
            rounds=2,
            runs=1,
            progress=interrupt,
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"threads": 0}, "`threads` must be 1 to "),
        ({"threads": 10**6}, "`threads` must be 1 to "),
        ({"rounds": 0}, "`rounds` must be at least 1"),
        ({"runs": 0}, "`runs` must be at least 1"),
        ({"warm_up": -1}, "`warm_up` must be at least 0"),
    ],
)
def test_settings_are_checked(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        measure([target("net", tmp_path)], **arguments)


def test_names_must_differ(tmp_path):
    net = target("net", tmp_path)
    for targets in ([], [net, net]):
        with pytest.raises(ValueError, match="`targets` must hold"):
            measure(targets)
