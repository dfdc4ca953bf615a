"""Files that parameters of a model name: they travel with a job, and lie elsewhere there."""

from __future__ import annotations

import io
import json
import os
import re
import stat
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from comps.base import JSON, Model, WorkbenchError, data_root
from pipelines.basics.files import write_bytes
from pipelines.basics.fingerprint import fingerprint, with_contents
from pipelines.results.kept import Kept


@dataclass(frozen=True)
class Named:
    """A file that a parameter of a job's model names, and that travels with it.

    Attributes:
        text: the parameter.
        name: its path in the folder that the text names; of a single file, its name.
        alone: whether the text names this file, and not its folder.
    """

    text: str
    name: str
    alone: bool


def files_of(model: Model) -> list[tuple[Named, Path]]:
    """Return the files that parameters of a model name, each with where it is here."""
    found = []
    for text in dict.fromkeys(_texts(dict(model.params))):
        told = with_contents(text)
        if not isinstance(told, Mapping):
            continue
        path = next(path for path in (Path(text), data_root() / text) if path.exists())
        if "file" in told:
            found.append((Named(text, path.name, alone=True), path))
        else:
            names = sorted(part for part in path.rglob("*") if part.is_file())
            found += [(Named(text, str(n.relative_to(path)), alone=False), n) for n in names]
    return found


def _texts(value: JSON) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _texts(part)


def written(named: Sequence[Named], contents: Sequence[bytes]) -> dict[str, str]:
    """Write files into a folder of this machine, if need be; return where each text leads to here.

    Args:
        named: the files.
        contents: of each.

    Raises:
        WorkbenchError: if they cannot be written, or others may open the folder.
    """
    by_text: dict[str, dict[str, bytes]] = {}
    for part, content in zip(named, contents, strict=True):
        by_text.setdefault(part.text, {})[part.name] = content
    places = {}
    for part in named:
        own = by_text[part.text]
        # With the text: what is kept says it again, see `with_texts`.
        parts = (value for pair in own.items() for value in pair)
        folder = _sent_root() / fingerprint(part.text, *parts)
        path = folder / part.name
        if not path.is_file() or path.read_bytes() != own[part.name]:
            write_bytes(path, own[part.name])
        places[part.text] = str(path if part.alone else folder)
    return places


def with_places(model: Model, places: Mapping[str, str]) -> Model:
    """Return a model whose parameters name files of this machine.

    Args:
        model: as it was declared.
        places: by text, see `written`.
    """
    return replace(model, params=_replaced(dict(model.params), places)) if places else model


def _sent_root() -> Path:
    """Return the folder of this machine for files that were sent; its content can be deleted.

    Raises:
        WorkbenchError: if it is not a folder of this user's own.
    """
    user = os.getuid() if hasattr(os, "getuid") else 0
    root = Path(tempfile.gettempdir()) / f"comps-sent-{user}"
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = root.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != user:
        raise WorkbenchError(
            f"{root}, the folder for files that come with jobs, belongs to somebody else. Remove "
            "it, or set TMPDIR to another folder where the machine joins the cluster."
        )
    root.chmod(0o700)
    return root


def _replaced(value: Any, places: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return places.get(value, value)
    if isinstance(value, Mapping):
        return {name: _replaced(part, places) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_replaced(part, places) for part in value]
    return value


def with_texts(kept: Kept, texts: Mapping[str, str]) -> Kept:
    """Return a kept model whose objects hold other texts, or paths below them.

    A transformer that remembers where its file is would else remember a folder of this machine.

    Args:
        kept: the model.
        texts: the text that stands for each.
    """
    if not texts:
        return kept
    files = {
        name: _in_skops(content, texts) if name.endswith(".skops") else content
        for name, content in kept.files.items()
    }
    return replace(kept, files=files)


_SCHEMA = "schema.json"


def _in_skops(content: bytes, texts: Mapping[str, str]) -> bytes:
    """Replace texts in what `dump_object` wrote, and write it as that did."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(changed, "w") as new:
        for info in old.infolist():
            part = old.read(info)
            if info.filename == _SCHEMA:
                part = _in_schema(part.decode(), texts).encode()
            own = zipfile.ZipInfo(info.filename)
            new.writestr(own, part, info.compress_type, compresslevel=1)
    return changed.getvalue()


def _in_schema(schema: str, texts: Mapping[str, str]) -> str:
    r"""Replace texts in a schema of skops, where a text is one of JSON in JSON.

    >>> _in_schema(r'"content": "\"words/a\""  "content": "\"words2\""', {"words": "/tmp/1"})
    '"content": "\\"/tmp/1/a\\""  "content": "\\"words2\\""'
    """
    within = {_twice(text): _twice(other) for text, other in texts.items()}
    begins = "|".join(map(re.escape, sorted(within, key=len, reverse=True)))
    pattern = rf'("content": "\\")({begins})(?=\\"|/)'
    return re.sub(pattern, lambda found: found[1] + within[found[2]], schema)


def _twice(text: str) -> str:
    """Return a text as it stands in JSON that stands in JSON, without the quotes."""
    return json.dumps(json.dumps(text)[1:-1])[1:-1]
