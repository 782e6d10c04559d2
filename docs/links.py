"""Links of the pages to files of the repository that are no pages.

A page names such a file as `[text](../export)`, which works where the
repository is read. On the site it leads to `repo_url`, where one is set, or
becomes the text with the path. A file that does not exist is a warning, which
fails `make docs`. The first page is README.md.
"""

import logging
import posixpath
import re
from pathlib import Path

LOG = logging.getLogger("mkdocs.hooks.links")
LINK = re.compile(
    r"\[(?P<text>[^\]]*)\]\((?P<path>[^)\s#]+)(?P<anchor>#[^)\s]*)?\)"
)


def on_page_markdown(markdown, page, config, files):
    """Rewrites a page before it is rendered; called by MkDocs."""
    home = Path(config.config_file_path).parent
    folder = posixpath.dirname(page.file.src_uri)
    if page.file.src_uri == "index.md":
        markdown = _as_page((home / "README.md").read_text(encoding="utf-8"))

    def rewrite(match):
        path = posixpath.normpath(
            posixpath.join("docs", folder, match["path"])
        )
        if "://" in match["path"] or path.startswith("docs/"):
            return match[0]
        if not (home / path).exists():
            LOG.warning("%s: no such file: %s", page.file.src_uri, path)
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
