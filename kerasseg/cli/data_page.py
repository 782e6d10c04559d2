"""The page of `kerasseg data check --html`: one file with all it shows."""

import html
from pathlib import Path

import kerasseg.cli.demo_page as parts
from kerasseg.files import atomic_file

# Images of a split, images of a problem, and how wide they are.
_SAMPLES = 6
_EXAMPLES = 4
_WIDTH = 360
# What the labels do not know.
_UNKNOWN = (255, 0, 255)

_STYLE = """<style>
.bar { background: var(--accent); height: .7rem; border-radius: .2rem; }
.swatch { display: inline-block; width: .9rem; height: .9rem;
  border: 1px solid var(--line); vertical-align: middle; }
.error { border-left: .4rem solid #c0392b; }
.warning { border-left: .4rem solid #d9a404; }
.classes td { vertical-align: middle; }
</style>"""


def write_page(report, path: Path) -> None:
    """Writes the page on a dataset.

    Args:
        report: What `kerasseg.data.check` returned.
        path: The HTML file.
    """
    name = Path(report.source).name or report.source
    text = parts.page(f"Check of {name}", [_STYLE, *_body(report)])
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace")


def _body(report):
    yield parts.faint(report.source)
    yield "<h2>Problems</h2>"
    if not report.problems:
        yield "<p>None was found.</p>"
    for problem in report.problems:
        yield (
            f'<div class="card {problem.severity}"><b>{problem.severity}: '
            f"{problem.name}</b><p>{html.escape(problem.message)}</p>"
            f"{parts.grid(_examples(report, problem))}</div>"
        )
    if report.splits:
        yield "<h2>Splits</h2>"
        yield parts.grid([_split(*item) for item in report.splits.items()])
        yield f"<h2>Classes</h2>{_classes(report)}"
    for split, samples in report.samples.items():
        yield f"<h2>Samples of {html.escape(split)}</h2>"
        step = max(1, len(samples) // _SAMPLES)
        some = range(0, len(samples), step)[:_SAMPLES]
        yield parts.grid([_figure(report, samples, i) for i in some])


def _split(name, split):
    rows = [("samples", f"{split.samples:,}")]
    for title, counts in (
        ("sizes", {f"{h}x{w}": n for (h, w), n in split.sizes.items()}),
        ("modes of images", split.image_modes),
        ("modes of masks", split.mask_modes),
    ):
        shown = [f"{key}: {n:,}" for key, n in counts.items()]
        more = [f"{len(shown) - 8} more"] if len(shown) > 8 else []
        rows.append((title, ", ".join(shown[:8] + more) or "-"))
    rows.append(("masks counted", f"{split.masks_read:,}"))
    return parts.report_table(name, rows)


def _classes(report):
    head = "".join(
        f"<th>{html.escape(text)}</th>"
        for text in ("id", "class", "weight", *report.splits)
    )
    rows = [
        _row(i, name, color, f"{weight:.4g}", report, i)
        for i, (name, color, weight) in enumerate(
            zip(
                report.labels.class_names,
                report.labels.palette,
                report.class_weights,
                strict=True,
            )
        )
    ]
    for kind, color in (("void", (0, 0, 0)), ("unknown", _UNKNOWN)):
        ids = {i for s in report.splits.values() for i in getattr(s, kind)}
        rows += [_row(i, kind, color, "", report, kind) for i in sorted(ids)]
    return (
        f'<div class="card"><table class="classes"><tr>{head}</tr>'
        f"{''.join(rows)}</table></div>"
    )


def _row(number, name, color, weight, report, kind):
    """A row of the table of classes, with a bar for each split."""
    cells = []
    for split in report.splits.values():
        if isinstance(kind, int):
            pixels = split.pixels[kind]
        else:
            pixels = getattr(split, kind).get(number, 0)
        share = 100 * pixels / max(1, split.total())
        cells.append(
            f'<td>{share:.2f} %<div class="bar" style="width:{share:.1f}%">'
            "</div></td>"
        )
    return (
        f'<tr><td>{number}</td><td><span class="swatch" style="background:'
        f'rgb{tuple(color)}"></span> {html.escape(name)}</td><td>{weight}'
        f"</td>{''.join(cells)}</tr>"
    )


def _examples(report, problem):
    """Figures of the first samples that have a problem."""
    figures, files = [], set(problem.files)
    for samples in report.samples.values():
        for index in range(len(samples)):
            if len(figures) == _EXAMPLES or not files:
                return figures
            if files & _files(samples, index):
                figures.append(_figure(report, samples, index))
    return figures


def _files(samples, index):
    if not _are_pairs(samples):
        return {f"sample {index}"}
    pair = samples[index]
    return {str(pair.image_path), str(pair.mask_path)}


def _are_pairs(samples):
    several = isinstance(samples, list | tuple) and len(samples) > 0
    return several and hasattr(samples[0], "image_path")


def _figure(report, samples, index):
    """An image beside the overlay of its mask, or why there is none."""
    from kerasseg.data.image import read_turned_image
    from kerasseg.data.image import read_turned_mask

    name = f"sample {index}"
    try:
        if _are_pairs(samples):
            pair = samples[index]
            name = str(Path(pair.image_path).name)
            upright = pair.orientation != "stored"
            image, _ = read_turned_image(
                pair.image_path, upright, report.channels
            )
            if pair.read_mask is None:
                mask, _ = read_turned_mask(pair.mask_path, upright)
            else:
                mask = pair.read_mask(pair)
        else:
            image, mask = samples[index]
        return parts.figure(_beside(image, mask, report.labels), name)
    except (ValueError, TypeError, OSError) as error:
        text = html.escape(f"{name}: {error}")
        return f"<figure><figcaption>{text}</figcaption></figure>"


def _beside(image, mask, labels):
    """An image, and to its right the overlay, or the mask if it is larger."""
    import numpy as np
    from PIL import Image

    from kerasseg.data.bands import shown_bands
    from kerasseg.inference import colorize
    from kerasseg.inference import overlay

    image = Image.fromarray(shown_bands(image)[0])
    shown, known = _classes_of(np.asarray(mask), labels)
    right = Image.fromarray(colorize(shown, known.palette))
    fits = image.size == right.size
    image.thumbnail((_WIDTH, 2 * _WIDTH))
    if fits:
        ids = Image.fromarray(shown).resize(image.size, Image.NEAREST)
        right = overlay(
            np.asarray(image), np.asarray(ids), known, 0.6, legend=False
        )
    else:
        right.thumbnail((_WIDTH, 2 * _WIDTH), Image.NEAREST)
    height = max(image.height, right.height)
    both = Image.new("RGB", (image.width + right.width + 4, height), "white")
    both.paste(image, (0, 0))
    both.paste(right, (image.width + 4, 0))
    return both


def _classes_of(mask, labels):
    """Class ids of a mask in a file, one more class for what is unknown."""
    import numpy as np

    from kerasseg.data import Labels
    from kerasseg.data.doctor.report import meaning

    count = labels.num_classes
    known = Labels(
        (*labels.class_names, "(unknown id)"), (*labels.palette, _UNKNOWN)
    )
    ids, places = np.unique(mask, return_inverse=True)
    table = meaning(labels)
    classes = [table.get(i, count) for i in ids.tolist()]
    # Void is shown as the image itself.
    classes = [i if i <= count else -1 for i in classes]
    return np.array(classes, "int32")[places].reshape(mask.shape), known
