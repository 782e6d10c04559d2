"""The page that the demo writes: one HTML file with all it shows."""

import base64
import html
import io

_STYLE = """
:root { color-scheme: light dark; --paper: #fbfaf7; --card: #ffffff;
  --ink: #1d2126; --faint: #68717c; --line: #e1ded6; --accent: #0b6e99;
  --second: #c2571a; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b;
  --card: #1c2026; --ink: #e8e6e1; --faint: #9aa3ae; --line: #31363e;
  --accent: #6cc3ea; --second: #f0a06a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 1rem 0 .3rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .3rem; }
p { margin: .3rem 0 .9rem; max-width: 46rem; }
.faint, figcaption { color: var(--faint); font-size: .88rem; }
.grid { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); }
.small { grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); }
figure, .card { margin: 0; background: var(--card);
  border: 1px solid var(--line); border-radius: .6rem; padding: .6rem; }
figure img { width: 100%; height: auto; display: block; border-radius: .3rem; }
.small img { image-rendering: pixelated; }
figcaption { padding: .45rem .15rem 0; }
svg { width: 100%; height: auto; display: block; font-size: 12px; }
table { border-collapse: collapse; width: 100%; font-size: .88rem; }
caption { text-align: left; font-weight: 600; padding: .2rem .2rem .5rem; }
th, td { text-align: left; vertical-align: top; padding: .32rem .3rem;
  border-top: 1px solid var(--line); overflow-wrap: anywhere; }
th { font-weight: 500; color: var(--faint); width: 8.5rem;
  overflow-wrap: normal; }
pre { background: var(--card); border: 1px solid var(--line);
  border-radius: .6rem; padding: .8rem; overflow-x: auto; font-size: .85rem; }
"""

# Images wider than this are shrunk for the page.
_WIDEST = 1280

# The drawing's size, and the edges of the field within it.
_WIDTH, _HEIGHT = 640, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 628, 12, 220

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""


def page(title: str, parts: list[str]) -> str:
    """A whole page.

    Args:
        title: The heading.
        parts: Pieces of HTML.

    Returns:
        The HTML text, which refers to no other file but by links.
    """
    return _PAGE.format(
        title=html.escape(title), style=_STYLE, body="\n".join(parts)
    )


def section(heading: str, text: str) -> str:
    """A heading and a paragraph.

    Args:
        heading: The heading.
        text: The paragraph.

    Returns:
        A piece of HTML.
    """
    return f"<h2>{html.escape(heading)}</h2>\n<p>{html.escape(text)}</p>"


def faint(text: str) -> str:
    """A paragraph of lesser weight.

    Args:
        text: The paragraph.

    Returns:
        A piece of HTML.
    """
    return f'<p class="faint">{html.escape(text)}</p>'


def figure(image, caption: str) -> str:
    """An image with its caption, embedded in the page.

    Args:
        image: `PIL.Image.Image` or `uint8` array `(height, width, 3)`.
        caption: The line below it.

    Returns:
        A piece of HTML.
    """
    from PIL import Image

    if not isinstance(image, Image.Image):
        image = Image.fromarray(image)
    image = image.copy()
    image.thumbnail((_WIDEST, 4 * _WIDEST))
    file = io.BytesIO()
    image.save(file, "PNG" if image.width < 200 else "JPEG", quality=90)
    kind = "png" if image.width < 200 else "jpeg"
    data = base64.b64encode(file.getvalue()).decode("ascii")
    text = html.escape(caption)
    return (
        f'<figure><img src="data:image/{kind};base64,{data}" alt="{text}" '
        f'width="{image.width}" height="{image.height}">'
        f"<figcaption>{text}</figcaption></figure>"
    )


def grid(parts: list[str], small: bool = False) -> str:
    """Pieces side by side where there is room, below each other elsewhere.

    Args:
        parts: Pieces of HTML.
        small: Whether the pieces are small images. Defaults to `False`.

    Returns:
        A piece of HTML.
    """
    name = "grid small" if small else "grid"
    return f'<div class="{name}">{"".join(parts)}</div>'


def code(text: str) -> str:
    """Lines to type.

    Args:
        text: The lines.

    Returns:
        A piece of HTML.
    """
    return f"<pre><code>{html.escape(text)}</code></pre>"


def report_table(title: str, rows: list[tuple[str, str]]) -> str:
    """A report as a table.

    Args:
        title: The caption.
        rows: Names and values.

    Returns:
        A piece of HTML.
    """
    lines = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th>'
        f"<td>{html.escape(str(value))}</td></tr>"
        for name, value in rows
    )
    return (
        f'<div class="card"><table><caption>{html.escape(title)}</caption>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def curves(series: dict[str, list[float]], x_name: str) -> str:
    """Lines over the numbers 1, 2, 3, ... as a drawing.

    Args:
        series: Up to two lines: the name and its values, none negative.
        x_name: What the horizontal axis counts.

    Returns:
        A piece of HTML.
    """
    count = max(len(values) for values in series.values())
    highest = max(max(values) for values in series.values())
    step = _tick_step(highest)
    ticks = [step * i for i in range(int(highest / step) + 2)]

    def place(index, value):
        across = index / max(1, count - 1)
        return (
            _LEFT + (_RIGHT - _LEFT) * across,
            _BOTTOM - (_BOTTOM - _TOP) * value / ticks[-1],
        )

    parts = _axes(place, ticks, count, x_name)
    for number, (name, values) in enumerate(series.items()):
        points = [place(i, value) for i, value in enumerate(values)]
        parts += _line(number, name, points)
    label = html.escape(" and ".join(series))
    return (
        f'<div class="card"><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{label}">{"".join(parts)}</svg></div>'
    )


def _axes(place, ticks, count, x_name):
    parts = []
    for tick in ticks:
        _, y = place(0, tick)
        parts.append(
            f'<line x1="{_LEFT}" x2="{_RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
            f'stroke="var(--line)"/><text x="{_LEFT - 6}" y="{y + 4:.1f}" '
            f'text-anchor="end" fill="var(--faint)">{tick:g}</text>'
        )
    for index in range(0, count, max(1, -(-count // 10))):
        x, y = place(index, 0)
        parts.append(
            f'<text x="{x:.1f}" y="{y + 18}" text-anchor="middle" '
            f'fill="var(--faint)">{index + 1}</text>'
        )
    parts.append(
        f'<text x="{_RIGHT}" y="{_HEIGHT - 2}" text-anchor="end" '
        f'fill="var(--faint)">{html.escape(x_name)}</text>'
    )
    return parts


def _line(number, name, points):
    color = ("var(--accent)", "var(--second)")[number]
    x, y = _LEFT + 8 + 150 * number, _HEIGHT - 6
    path = " ".join(f"{across:.1f},{down:.1f}" for across, down in points)
    return [
        f'<polyline points="{path}" fill="none" stroke-width="2.5" '
        f'stroke="{color}" stroke-linejoin="round"/>',
        f'<line x1="{x}" x2="{x + 22}" y1="{y}" y2="{y}" '
        f'stroke="{color}" stroke-width="2.5"/>',
        f'<text x="{x + 28}" y="{y + 4}" fill="currentColor">'
        f"{html.escape(name)}</text>",
    ]


def _tick_step(highest):
    """A round step that puts at most seven ticks up to `highest`."""
    for exponent in range(-6, 12):
        for factor in (1, 2, 5):
            step = factor * 10.0**exponent
            if highest <= 6 * step:
                return step
    return max(highest, 1.0)
