"""The model card of a saved folder, with the front matter of Hugging Face."""

import json
import re
from pathlib import Path

from kerasseg.channels import RGB
from kerasseg.score_titles import score_title
from kerasseg.zoo.record import Record

CARD = "README.md"
# A card without this line is its reader's own.
OURS = (
    "<!-- written by kerasseg with each save; delete this line to keep "
    "changes of your own -->"
)

# The licenses that the front matter can name; see "Licenses" in the
# documentation of the Hugging Face Hub. All others are `other`.
_NAMES = (
    "apache-2.0 mit openrail bsd bsd-2-clause bsd-3-clause bsl-1.0 cc "
    "cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 "
    "cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 "
    "cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 "
    "cc-by-nc-sa-4.0 ecl-2.0 epl-1.0 epl-2.0 eupl-1.1 agpl-3.0 gpl gpl-2.0 "
    "gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc mpl-2.0 ms-pl ncsa osl-3.0 ofl-1.1 "
    "postgresql unlicense wtfpl zlib"
)
_LICENSES = frozenset(_NAMES.split())
_TAGS = ("kerasseg", "keras", "semantic-segmentation")
_SPECIAL = re.compile(r"([\\`*_\[\]<>|#])")


def card(record: Record, place: str = "PATH/OF/THIS/FOLDER") -> str:
    """Writes the card of a saved model.

    Args:
        record: What is known about the model.
        place: The name that loads it. Defaults to a text to fill in.

    Returns:
        Markdown, with the front matter that Hugging Face reads: library,
        task, license, tags, and the scores as a `model-index`.
    """
    parts = [
        "---",
        *_front_matter(record),
        "---",
        OURS,
        "",
        f"# {_plain(record.title)}",
        "",
        f"Semantic segmentation with Keras 3 into {record.labels.num_classes} "
        "classes, saved by kerasseg.",
        "",
        *_use(record, place),
        *_scores(record),
        *_classes(record.labels),
        *_terms(record),
    ]
    return "\n".join(parts).rstrip() + "\n"


def is_ours(path: Path) -> bool:
    """Whether a card may be written anew.

    Args:
        path: Path of the card.

    Returns:
        `True` if there is none, or its line that says so was not deleted.
    """
    try:
        return OURS in path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _front_matter(record):
    """Lines of YAML; a text in quotes is written as in JSON."""
    yield "library_name: keras"
    yield "pipeline_tag: image-segmentation"
    yield from _license(record.license_weights)
    yield "tags:"
    yield from (f"- {tag}" for tag in _TAGS)
    if not record.scores:
        return
    dataset = _quoted(record.dataset or "not named")
    yield "model-index:"
    yield f"- name: {_quoted(record.title)}"
    yield "  results:"
    yield "  - task:"
    yield "      type: image-segmentation"
    yield "      name: Semantic segmentation"
    yield "    dataset:"
    yield f"      type: {dataset}"
    yield f"      name: {dataset}"
    yield "    metrics:"
    for name, score in record.scores.items():
        yield f"    - type: {_quoted(name)}"
        yield f"      name: {_quoted(score_title(name))}"
        yield f"      value: {float(score)!r}"


def _license(terms):
    if terms.lower() in _LICENSES:
        yield f"license: {terms.lower()}"
    elif terms:
        yield "license: other"
        yield "license_name: as-stated-in-the-card"


def _use(record, place):
    height, width, channels = record.image_shape
    kind = "RGB" if channels == RGB else f"{channels} channels"
    size = "any height and width of 32 or more"
    if height and width:
        size = f"{height} x {width} (height x width)"
    yield f"Input: {kind}, 0 to 255, {size}."
    yield "Output: logits at the size of the image."
    yield ""
    yield "## Use"
    yield ""
    yield "```python"
    yield "import kerasseg"
    yield ""
    yield f"model = kerasseg.zoo.load({json.dumps(place)})"
    yield 'mask = kerasseg.inference.predict_mask(model, "image.jpg")'
    yield "```"
    yield ""


def _scores(record):
    if not record.scores:
        return
    yield "## Scores"
    yield ""
    if record.dataset:
        yield f"On {_plain(record.dataset)}:"
        yield ""
    yield "| score | % |"
    yield "| --- | ---: |"
    for name, score in record.scores.items():
        yield f"| {_plain(score_title(name))} | {100 * score:.1f} % |"
    yield ""


def _classes(labels):
    yield "## Classes"
    yield ""
    yield "| id | class | color |"
    yield "| ---: | --- | --- |"
    for index, name in enumerate(labels.class_names):
        red, green, blue = labels.palette[index]
        color = f"#{red:02x}{green:02x}{blue:02x}"
        yield f"| {index} | {_plain(name)} | `{color}` |"
    yield ""


def _terms(record):
    rows = {
        "License of the weights": record.license_weights,
        "Terms of the training data": record.license_data,
        "Trained and scored on": record.dataset,
        "Provenance": record.provenance,
        "Method": record.paper,
        "Trainable parameters": f"{record.parameters:,}",
    }
    yield "## Terms and provenance"
    yield ""
    for name, fact in rows.items():
        if fact:
            yield f"- {name}: {_plain(fact)}"


def _plain(text):
    """A text from a record, of which Markdown and HTML take nothing."""
    return _SPECIAL.sub(r"\\\1", text)


def _quoted(text):
    return json.dumps(text, ensure_ascii=False)
