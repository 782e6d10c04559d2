"""Links of the pages to files of the repository that are no pages.

A page names such a file as `[text](../export)`, which works where the
repository is read. On the site it leads to `repo_url`, where one is set, or
becomes the text with the path. A file that does not exist is a warning, which
fails `make docs`. The first page is README.md, and the card of each entry is a
page too, outside of the navigation.
"""

import logging
import posixpath
import re
from pathlib import Path

LOG = logging.getLogger("mkdocs.hooks.links")
LINK = re.compile(
    r"\[(?P<text>[^\]]*)\]\((?P<path>[^)\s#]+)(?P<anchor>#[^)\s]*)?\)"
)
CARD = re.compile(r"zoo/(\w+)/README\.md")


def on_files(files, config):
    """Adds the cards; called by MkDocs."""
    from mkdocs.structure.files import File
    from mkdocs.structure.files import InclusionLevel

    home = Path(config.config_file_path).parent
    for path in sorted(home.glob("zoo/*/README.md")):
        page = f"cards/{path.parent.name}.md"
        files.append(
            File.generated(
                config,
                page,
                abs_src_path=str(path),
                inclusion=InclusionLevel.NOT_IN_NAV,
            )
        )
    return files


def on_page_markdown(markdown, page, config, files):
    """Rewrites a page before it is rendered; called by MkDocs."""
    home = Path(config.config_file_path).parent
    uri = page.file.src_uri
    folder = posixpath.dirname(uri)
    if uri == "index.md":
        markdown = _as_page((home / "README.md").read_text(encoding="utf-8"))
    # Where the links of a page start: a card lies in the folder of its entry.
    start = posixpath.join("docs", folder)
    if folder == "cards":
        start = f"zoo/{Path(uri).stem}"

    def rewrite(match):
        if "://" in match["path"]:
            return match[0]
        path = posixpath.normpath(posixpath.join(start, match["path"]))
        card = CARD.fullmatch(path)
        page = f"docs/cards/{card[1]}.md" if card else path
        if card or path.startswith("docs/"):
            page = posixpath.relpath(page, posixpath.join("docs", folder))
            return f"[{match['text']}]({page}{match['anchor'] or ''})"
        if not (home / path).exists():
            LOG.warning("%s: no such file: %s", uri, path)
        return _link(match["text"], path, match["anchor"], config.repo_url)

    return LINK.sub(rewrite, markdown)


def _as_page(readme):
    """README.md with its links as a page in docs has them."""

    def rewrite(match):
        path = match["path"]
        if "://" in path:
            return match[0]
        path = posixpath.relpath(path, "docs")
        return f"[{match['text']}]({path}{match['anchor'] or ''})"

    return LINK.sub(rewrite, readme)


def _link(text, path, anchor, repository):
    if repository:
        base = f"{repository.rstrip('/')}/blob/main"
        return f"[{text}]({base}/{path}{anchor or ''})"
    named = path in text
    return text if named else f"{text} (`{path}`)"
