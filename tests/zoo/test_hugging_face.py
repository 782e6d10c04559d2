import json
import os
import pathlib
import pickle
import sys

import hub_server
import numpy as np
import pytest

from kerasseg import zoo
from kerasseg.labels import Labels
from kerasseg.zoo import WeightsError
from kerasseg.zoo import hugging_face
from kerasseg.zoo import loading
from kerasseg.zoo.hub_name import hub_name

pytestmark = [
    pytest.mark.one_backend,
    # huggingface_hub 2.4 of its own requests.
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),
]

LABELS = Labels(("sky", "road", "car", "tree", "pole"))
FACTS = {"license_weights": "mit", "scores": {"mean_iou": 0.5}}


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with hub_server.stand_in(monkeypatch, tmp_path / "cache") as hub:
        yield hub


@pytest.fixture
def folder(tmp_path, trained):
    folder = tmp_path / "mine"
    zoo.save(trained, folder, LABELS, facts=FACTS)
    return folder


@pytest.fixture
def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def published(hub, files):
    """The commit of `hf://me/net`, with more in it than a model."""
    more = {"model.py": b"raise SystemExit", "w.pkl": pickle.dumps(LABELS)}
    return hub.commit("me/net", {**files, **more})


def changed(files, ending, content):
    """A model with another file, and its hash in the record."""
    import hashlib

    record = json.loads(files["entry.json"])
    key = {".json": "architecture", ".safetensors": "weights"}[ending]
    record[f"{key}_sha256"] = hashlib.sha256(content).hexdigest()
    return {
        **files,
        record[key]: content,
        "entry.json": json.dumps(record).encode(),
    }


def test_load_fetches_what_is_needed_and_keeps_the_commit(
    hub, published, trained, weights_of
):
    entry = zoo.info("hf://me/net")
    assert hub.fetched() == ["entry.json"]
    assert (entry.name, entry.labels) == ("net", LABELS)
    assert entry.origin == f"hf://me/net@{published}"
    assert (entry.license_weights, entry.scores) == ("mit", {"mean_iou": 0.5})
    expected = weights_of(trained)
    loaded = weights_of(zoo.load("hf://me/net"))
    for name, value in expected.items():
        np.testing.assert_array_equal(loaded[name], value)
    assert sorted(hub.fetched()) == sorted(
        ["entry.json", entry.weights, f"{entry.weights[:18]}.json"]
    )
    # Once for each commit: the cache has the rest.
    hub.asked.clear()
    zoo.load(entry.origin)
    assert hub.asked == []
    hub.commit("me/net", {"entry.json": b"{}"})
    assert zoo.info("hf://me/net", revision=published) == entry


def test_a_push_meanwhile_is_not_mixed_in(hub, published, monkeypatch):
    def info(*arguments):
        found = zoo.info(*arguments)
        hub.commit("me/net", {"entry.json": b"{}"})
        return found

    monkeypatch.setattr(loading, "info", info)
    assert zoo.load("hf://me/net").output_shape[-1] == 5


def test_a_branch_that_was_fetched_needs_no_network(
    hub, published, monkeypatch
):
    from huggingface_hub import constants

    zoo.load("hf://me/net")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert zoo.info("hf://me/net").origin.endswith(published)
    zoo.load("hf://me/net")
    with pytest.raises(ConnectionError, match="hf://me/other@main could not"):
        zoo.load("hf://me/other")


def test_no_server(hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(
        ConnectionError, match="127.0.0.1:9.*refused.*Check the network"
    ):
        zoo.load("hf://me/net")


def test_a_reason_that_ends_in_a_point(hub):
    offline = hugging_face.hub().errors.OfflineModeIsEnabled
    with (
        pytest.raises(ConnectionError, match=r"is off\. Check the network"),
        hugging_face.hub_errors(hub_name("hf://me/net")),
    ):
        raise offline("The network is off.")


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("hf://me/none", ValueError, "no model hf://me/none, or it is private"),
        ("hf://me/net@v9", ValueError, "has no revision 'v9'.*commits/main"),
        ("hf://me/gated", PermissionError, "gated: ask for access at http"),
        ("hf://me/data", ValueError, "no kerasseg model: there is no entry"),
        ("hf://me/net@../main", ValueError, "branch, a tag or a commit. Rec"),
        ("hf://net", ValueError, "must be hf://USER/NAME"),
        ("hf://me/../net", ValueError, "must be hf://USER/NAME"),
        ("hf://me/a..b", ValueError, "is no name: Cannot have"),
    ],
)
def test_what_cannot_be_loaded(hub, published, name, error, message):
    hub.commit("me/data", {"data.csv": b"1"})
    hub.gated.add("me/gated")
    with pytest.raises(error, match=message):
        zoo.load(name)


def test_two_revisions_and_a_revision_of_an_entry():
    with pytest.raises(ValueError, match="only one of both"):
        zoo.info("hf://me/net@v1", revision="v2")
    with pytest.raises(ValueError, match="`revision` must be a branch.*''"):
        zoo.info("hf://me/net", revision="")
    with pytest.raises(ValueError, match="for models on Hugging Face"):
        zoo.load("lrr_4x", revision="v2")


def test_a_missing_file(hub, files):
    del files[json.loads(files["entry.json"])["weights"]]
    hub.commit("me/net", files)
    with pytest.raises(ValueError, match="incomplete model: there is no model"):
        zoo.load("hf://me/net")


def test_another_file_than_the_record_says(hub, files):
    name = json.loads(files["entry.json"])["weights"]
    hub.commit("me/net", {**files, name: files[name][:-4] + b"\0\1\2\3"})
    with pytest.raises(WeightsError, match="found sha256.*not what was saved"):
        zoo.load("hf://me/net")


def test_a_damaged_cache_is_fetched_anew(hub, published):
    folder = hugging_face.fetched_folder(hub_name("hf://me/net"))
    [path] = folder.glob("*.safetensors")
    path.resolve().write_bytes(b"damaged")
    zoo.load("hf://me/net")


def test_a_record_that_is_too_large(hub, files, monkeypatch):
    hub.commit("me/net", {**files, "entry.json": b" " * 1_100_000})
    with pytest.raises(WeightsError, match="at most 1048576 bytes.*1100000"):
        zoo.info("hf://me/net")
    assert hub.fetched() == []


def test_no_code_is_run(hub, files, monkeypatch):
    architecture = json.loads(files["entry.json"])["architecture"]
    config = json.loads(files[architecture])
    config["config"]["layers"][1]["class_name"] = "Lambda"
    text = json.dumps(config).encode()
    hub.commit("me/lambda", changed(files, ".json", text))
    with pytest.raises(WeightsError, match="layers without code.*Lambda"):
        zoo.load("hf://me/lambda")
    bomb = pickle.dumps(print)
    monkeypatch.setattr(pickle, "loads", None)
    hub.commit("me/pickle", changed(files, ".safetensors", bomb))
    with pytest.raises(WeightsError, match="is damaged|no weights file"):
        zoo.load("hf://me/pickle")


def test_without_huggingface_hub(monkeypatch, folder):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r"pip install 'kerasseg\[hf\]'"):
        zoo.info("hf://me/net")
    with pytest.raises(ImportError, match=r"pip install 'kerasseg\[hf\]'"):
        zoo.push(folder, "me/net")


def test_as_weights_of_an_entry(hub, small_entry, tmp_path):
    zoo.save(zoo.load("small"), tmp_path / "small", small_entry.labels)
    files = {p.name: p.read_bytes() for p in (tmp_path / "small").iterdir()}
    hub.commit("me/small", files)
    model = zoo.load("small", num_classes=2, weights="hf://me/small")
    assert model.output_shape[-1] == 2


def test_as_weights_of_a_model(hub, published, net, trained, weights_of):
    model = net()
    zoo.read_weights(model, "hf://me/net")
    expected = weights_of(zoo.load("hf://me/net"))
    for name, value in weights_of(model).items():
        np.testing.assert_array_equal(value, expected[name])


@pytest.mark.parametrize("large", [True, False])
def test_push_and_load(hub, folder, trained, weights_of, large):
    hub.large = large
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    facts = {"title": "Streets", "dataset": "camvid, test"}
    name = zoo.push(folder, "me/streets", facts, private=True)
    files, commit = hub.files("me/streets")
    assert name == f"hf://me/streets@{commit}"
    assert set(files) == {".gitattributes", *before}
    assert hub.private["me/streets"]
    assert bool(hub.uploads) == large
    entry = zoo.info(name)
    assert (entry.title, entry.dataset) == ("Streets", "camvid, test")
    assert entry.scores == FACTS["scores"]
    assert b'zoo.load("hf://me/streets")' in files["README.md"]
    loaded = weights_of(zoo.load(name))
    for key, value in weights_of(trained).items():
        np.testing.assert_array_equal(loaded[key], value)
    assert before == {p.name: p.read_bytes() for p in folder.iterdir()}


def test_push_again_replaces_and_leaves_other_files(hub, folder, trained):
    first = zoo.push(folder, "hf://me/net")
    hub.commit("me/net", {**hub.files("me/net")[0], "notes.txt": b"mine"})
    zoo.save(trained, folder, LABELS)
    (folder / "README.md").write_text("---\nlicense: mit\n---\nMy card.\n")
    second = zoo.push(folder, "me/net", message="Second")
    files, _ = hub.files("me/net")
    assert set(files) == {"notes.txt", ".gitattributes", *os.listdir(folder)}
    assert files["README.md"].endswith(b"My card.\n")
    assert zoo.info(first).sha256 != ""
    assert zoo.load(second).output_shape[-1] == 5
    with pytest.raises(ValueError, match="refused: it is public already"):
        zoo.push(folder, "me/net", private=True)
    assert zoo.push(second, "me/net", branch="trial") != second
    assert hub.files("me/net", "trial")[0]["README.md"].startswith(b"---\nlib")


def test_push_an_entry(hub, small_entry, weights_of):
    name = zoo.push("small", "me/small", {"license_weights": "cc0-1.0"})
    entry = zoo.info(name)
    assert entry.title == small_entry.title
    expected = weights_of(zoo.load("small"))
    for key, value in weights_of(zoo.load(name)).items():
        np.testing.assert_array_equal(value, expected[key])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"repository": "net"}, ValueError, "USER/NAME, .*repository='net'$"),
        ({"repository": "me/net@v1"}, ValueError, "`branch` say where"),
        ({"repository": "others/net"}, PermissionError, "refused hf://others"),
        ({"repository": None}, ValueError, "USER/NAME, .*repository=None$"),
        ({"repository": pathlib.Path("me/net")}, ValueError, "ry=PosixPath"),
        *(
            ({"branch": name}, ValueError, f"`branch` must be.*branch={name!r}")
            for name in ("", "a..b", "-x", "a b", "main/", "a//b", None)
        ),
        *(
            ({"message": text}, ValueError, "`message` must be a text")
            for text in ("", " ", None)
        ),
        ({"facts": ["a"]}, ValueError, r"`facts` must be a dict.*\['a'\]"),
        ({"facts": {"mean": 1}}, ValueError, "`facts` must be some of title"),
        ({"facts": {"scores": {"a": 2}}}, ValueError, "fractions from 0 to 1"),
        ({"name": "none"}, ValueError, "must be an entry or a folder"),
    ],
)
def test_what_cannot_be_pushed(hub, folder, arguments, error, message):
    with pytest.raises(error, match=message):
        zoo.push(**{"name": folder, "repository": "me/net", **arguments})
    assert "me/net" not in hub.commits


def test_push_without_a_token_or_a_whole_folder(hub, folder, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_another")
    with pytest.raises(PermissionError, match="hf auth login"):
        zoo.push(folder, "me/net")
    next(folder.glob("*.safetensors")).write_bytes(b"")
    hub.asked.clear()
    with pytest.raises(WeightsError, match="damaged"):
        zoo.push(folder, "me/net")
    assert hub.asked == []


def test_a_card_that_is_refused(hub, folder):
    (folder / "README.md").write_text("---\n: [\n---\nMine.\n")
    with pytest.raises(ValueError, match="refused.*no front matter"):
        zoo.push(folder, "me/net")
    assert set(hub.files("me/net")[0]) == {".gitattributes"}
