"""Lets pages include Markdown files of the repository, whose links are paths in it."""

import re
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

# Files of the repository, and the pages that include them.
PAGES = {
    "README.md": "/readme.md",
    "CONTRIBUTING.md": "/contributing.md",
    "CHANGELOG.md": "/changelog.md",
}
COMPETITION = re.compile(r"comps/(\w+)/README\.md")
LINK = re.compile(r"(!?)\[([^\]\n]+)\]\(([^)#\s]*)(#[^)\s]*)?\)")


def _rewrite(app: Sphinx, path: Path, docname: str, content: list[str]) -> None:
    """Point the links of an included file to pages; keep the text alone where there is none."""
    del docname
    root = Path(app.srcdir).parent.resolve()
    folder = (Path(app.srcdir) / path).resolve().parent

    def link(found: re.Match[str]) -> str:
        picture, text, target, anchor = found[1], found[2], found[3], found[4] or ""
        if not target or ":" in target:
            return found[0]
        if picture:
            # Pictures lie among the pages.
            return f"![{text}](/{(folder / target).resolve().relative_to(app.srcdir).as_posix()})"
        page = _page((folder / target).resolve(), root)
        return f"[{text}]({page}{anchor})" if page else text

    content[0] = LINK.sub(link, content[0])


def _page(file: Path, root: Path) -> str | None:
    name = file.relative_to(root).as_posix()
    if competition := COMPETITION.fullmatch(name):
        return f"/competitions/{competition[1]}.md"
    return PAGES.get(name)


def setup(app: Sphinx) -> dict[str, bool]:
    """Rewrite links; show diagrams as text, since drawing them takes code from the network."""
    app.connect("include-read", _rewrite)
    app.add_lexer("mermaid", TextLexer)
    return {"parallel_read_safe": True}
