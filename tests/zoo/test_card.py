"""The card that a save writes, as Hugging Face reads it."""

import json

import pytest

from kerasseg import zoo
from kerasseg.labels import Labels
from kerasseg.zoo import WeightsError

pytestmark = pytest.mark.one_backend

LABELS = Labels(
    ("sky", "road|<b>", "car", "tree", "pole"),
    ((1, 2, 255), (9, 9, 9), (2, 2, 2), (3, 3, 3), (4, 4, 4)),
)
FACTS = {
    "title": 'Streets: "in" Köln #1',
    "license_weights": "Apache-2.0",
    "license_data": "research only",
    "dataset": "camvid, test",
    "provenance": "40 epochs",
    "paper": "Ghiasi and Fowlkes 2016",
    "scores": {"mean_iou": 0.65544, "boundary_f1": 1},
}


def read(folder):
    """The front matter, and the text below it."""
    cards = pytest.importorskip("huggingface_hub").ModelCard
    text = (folder / "README.md").read_text(encoding="utf-8")
    card = cards(text)
    return card.data, card.text


def test_front_matter_and_text(tmp_path, trained):
    zoo.save(trained, tmp_path, LABELS, facts=FACTS)
    front, text = read(tmp_path)
    assert front.library_name == "keras"
    assert front.pipeline_tag == "image-segmentation"
    assert front.license == "apache-2.0"
    assert front.tags == ["kerasseg", "keras", "semantic-segmentation"]
    assert front.model_name == FACTS["title"]
    assert [
        (one.task_type, one.dataset_name, one.metric_type, one.metric_value)
        for one in front.eval_results
    ] == [
        ("image-segmentation", "camvid, test", "mean_iou", 0.65544),
        ("image-segmentation", "camvid, test", "boundary_f1", 1.0),
    ]
    assert '# Streets: "in" Köln \\#1\n' in text
    assert "| mean IoU | 65.5 % |" in text
    assert "| 0 | sky | `#0102ff` |" in text
    assert r"| 1 | road\|\<b\> | `#090909` |" in text
    assert "- License of the weights: Apache-2.0" in text
    assert "- Terms of the training data: research only" in text
    entry = zoo.info(tmp_path)
    assert {name: getattr(entry, name) for name in FACTS} == FACTS


def test_nothing_known_is_nothing_said(tmp_path, trained):
    zoo.save(trained, tmp_path, LABELS)
    front, text = read(tmp_path)
    assert "license" not in front.to_dict()
    assert front.eval_results is None
    assert "Scores" not in text
    # So that older versions, which know no facts, read it.
    record = json.loads((tmp_path / "entry.json").read_text())
    assert {*record} & {*FACTS} == {"title"}


def test_other_terms(tmp_path, trained):
    facts = {"license_weights": "ask first"}
    zoo.save(trained, tmp_path, LABELS, facts=facts)
    front, text = read(tmp_path)
    assert front.license == "other"
    assert "- License of the weights: ask first" in text


def test_a_card_of_ones_own_stays(tmp_path, trained):
    zoo.save(trained, tmp_path, LABELS)
    path = tmp_path / "README.md"
    path.write_text(path.read_text().replace("class_0", "x") + "More.\n")
    zoo.save(trained, tmp_path, LABELS)
    assert "More." not in path.read_text()
    path.write_text("Mine.\n")
    zoo.save(trained, tmp_path, LABELS, facts=FACTS)
    assert path.read_text() == "Mine.\n"
    assert zoo.info(tmp_path).title == FACTS["title"]


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"author": "me"}, "`facts` must be some of title, .*'author'"),
        ({"title": ""}, r"`facts\['title'\]` must be a printable text"),
        ({"paper": "\x1b[2J"}, r"`facts\['paper'\]` must be a printable"),
        ({"scores": {"mean_iou": 65.5}}, "fractions from 0 to 1"),
        ({"scores": {"Mean IoU": 0.5}}, "by names of lower-case letters"),
    ],
)
def test_facts_that_are_none(tmp_path, trained, facts, message):
    with pytest.raises(ValueError, match=message):
        zoo.save(trained, tmp_path / "new", LABELS, facts=facts)
    assert not (tmp_path / "new").exists()


def test_facts_in_a_record_from_anywhere(tmp_path, trained):
    zoo.save(trained, tmp_path, LABELS, facts=FACTS)
    path = tmp_path / "entry.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "scores": {"mean_iou": True}}))
    with pytest.raises(WeightsError, match="`scores` of .* must be fractions"):
        zoo.load(tmp_path)
