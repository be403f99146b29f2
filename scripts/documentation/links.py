"""Follows the local links of a built site: to pages, to pictures, and to places within pages."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


def broken(site: Path) -> list[str]:
    """Links of the site's pages that lead nowhere, as lines `page: link`.

    Links to other sites are not followed; those to a file of this machine are broken.
    """
    pages = {path: _read(path) for path in sorted(site.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme in ("http", "https", "mailto", "data", "javascript") or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            there = not parts.scheme and target.is_relative_to(site) and target.exists()
            if there and parts.fragment and target in pages:
                there = unquote(parts.fragment) in pages[target].places
            if not there:
                found.append(f"{path.relative_to(site)}: {link}")
    return found


class _Page(HTMLParser):
    """The links of a page, and the places in it that links can name."""

    def __init__(self):
        super().__init__()
        self.links, self.places = [], {""}

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.places |= {named[key] for key in ("id", "name") if named.get(key)}
        self.links += [named[key] for key in ("href", "src") if named.get(key)]


def _read(path):
    page = _Page()
    page.feed(path.read_text())
    return page
