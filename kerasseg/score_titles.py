"""How scores are called where people read them."""

_WORDS = {"iou": "IoU", "f1": "F1"}
_TITLES = {"frequency_weighted_iou": "frequency-weighted IoU"}


def score_title(name: str) -> str:
    """The title of a score: `"mean IoU"` for `"mean_iou"`.

    Args:
        name: Its name in records.

    Returns:
        The title.
    """
    words = (_WORDS.get(word, word) for word in name.split("_"))
    return _TITLES.get(name) or " ".join(words)
