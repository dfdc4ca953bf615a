"""`infer` and `init`: a competition of files that nobody has described yet."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from comps.base import (
    AmbiguousError,
    Competition,
    DataError,
    Metric,
    StoreError,
    UsageError,
    WorkbenchError,
    data_root,
    names_a_folder,
    unknown_name,
)
from comps.catalog import FILE, competition_names, competitions_root, place_of
from comps.kinds.images import Said, infer_images, suggested_image_metrics
from comps.kinds.series import Said as SeriesSaid
from comps.kinds.series import infer_series, suggested_series_metrics
from comps.kinds.table import Given, Inference, infer_table, suggested_metrics, tables_of
from comps.kinds.table.files import PARTS, TARGETS
from comps.kinds.written import competition_file
from comps.metrics import as_metric
from pipelines.api.choices import REQUIRED, checked_choice
from pipelines.basics.files import write_bytes
from pipelines.folds import SCHEMES, FoldInput, FoldSpec, make_folds

if TYPE_CHECKING:
    import pandas as pd

_ENDINGS = re.compile(r"(\.(zip|tar|gz|bz2|xz|tgz|7z|csv|tsv|txt|parquet|pq))+$", re.IGNORECASE)


class FileChoices(TypedDict, total=False):
    """What is said of a competition's files; the rest is inferred.

    Attributes:
        metric: by which predictions are judged: a name, or a `Metric`.
        target: column to predict, or several.
        id: column with the ids.
        group: column whose equal values stay in one fold; "none" if no column does it.
        time: column that rows are ordered by; "none" if no column does it.
        weight: column of what each training row counts for.
        query: column of the rows that the metric ranks together.
        folds_column: column with the number of the fold of each training row.
        text: columns of free texts.
        columns: texts such as "Name=text" or "when=date:%d.%m.%Y".
        positive: the label whose probability is predicted, of two.
        labels: of the target that are classes of their own, though they look like a word for
            "missing", as "NA", or like another label. If all are named, their order counts.
        leave_out: training rows to leave out: "missing-target", "rare-class".
        train_file: the table of the training rows, where its name does not say it.
        test_file: that of the test rows.
        sample_file: the sample submission.
        targets_file: the table of the training rows' targets, where it is one of its own.
        images: folder of the training images, of a competition of images.
        test_images: folder of the images to predict.
        horizon: steps to forecast, of a competition of series.
        key: column that says which series a row belongs to.
        scheme: of the folds, a name in `pipelines.folds.SCHEMES`.
        folds: number of folds.
    """

    metric: str | Metric | None
    target: str | Sequence[str] | None
    id: str | None
    group: str | None
    time: str | None
    weight: str | None
    query: str | None
    folds_column: str | None
    text: str | Sequence[str] | None
    columns: Sequence[str] | None
    positive: str | None
    labels: str | Sequence[str] | None
    leave_out: str | Sequence[str] | None
    train_file: str | None
    test_file: str | None
    sample_file: str | None
    targets_file: str | None
    images: str | None
    test_images: str | None
    horizon: int | None
    key: str | None
    scheme: str | None
    folds: int | None


@dataclass(frozen=True, eq=False)
class Found:
    """A competition that was found in files.

    Attributes:
        competition: of these files, as `run` takes it.
        inference: what was inferred, and why.
        path: of the files.
        others: names of further tables, which reach a function `features` of the user's.
    """

    competition: Competition
    inference: Inference
    path: Path
    others: Sequence[str] = ()

    @property
    def rows(self) -> list[dict[str, str]]:
        """What was inferred: `what`, `value` and `reason`."""
        return [
            {"what": row.what, "value": row.value, "reason": row.reason}
            for row in self.inference.rows
        ]

    @property
    def table(self) -> pd.DataFrame:
        """The rows as a table."""
        import pandas as pd

        return pd.DataFrame(self.rows)


def infer(path: str | Path, name: str | None = None, **choices: Unpack[FileChoices]) -> Found:
    r"""Find out what the files of a competition hold.

    Args:
        path: Kaggle's archive, a folder of its files, or one table.
        name: of the competition; that of the archive unless given.
        **choices: see `FileChoices`.

    Raises:
        AmbiguousError: if something may be read in several ways; it names the choice.
        DataError: if the files cannot be those of a competition.
        UsageError: if a choice is wrong.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "flats.csv"
    >>> rows = [f"{size},{size * 2.5}" for size in range(50, 110, 3)]
    >>> _ = file.write_text("\n".join(["size,price", *rows]))
    >>> found = infer(file, metric="rmse", target="price")
    >>> found.competition.name, str(found.competition.task)
    ('flats', 'regression')
    """
    place = Path(path)
    if not place.exists():
        raise DataError(f"There is no file or folder {place}.")
    said = [kind for choice, kind in _KINDS.items() if choices.get(choice) is not None]
    kind = said[0] if said else _TABLES
    _check_choices(kind, choices)
    return kind.infer(place, name_of(place) if name is None else name, choices)


@dataclass(frozen=True)
class _Kind:
    """A kind of data.

    Attributes:
        name: as people call it.
        said: how the user says it.
        infer: finds out what files hold.
        others: choices that are not for it.
    """

    name: str
    said: str
    infer: Callable[[Path, str, FileChoices], Found]
    others: Container[str]


def _check_choices(kind: _Kind, choices: FileChoices) -> None:
    """Refuse choices that are for other kinds of data."""
    wrong = [name for name, value in choices.items() if value is not None and name in kind.others]
    if wrong:
        options = ", ".join(map(_option, wrong))
        others = [own.said for own in _KINDS.values() if wrong[0] not in own.others]
        hint = f", or say {' or '.join(others)}" if kind is _TABLES else ""
        verb, them = ("is", "it") if len(wrong) == 1 else ("are", "them")
        raise UsageError(f"{options} {verb} not for {kind.name}. Leave {them} out{hint}.")


def _of_tables(place: Path, name: str, choices: FileChoices) -> Found:
    files, given = _files(choices), _given(choices)
    tables = tables_of(place, files)
    metric = _metric(choices, lambda: suggested_metrics(tables, given))
    competition, inference = infer_table(place, name=name, metric=metric, given=given, files=files)
    return Found(competition, inference, place, tables.others)


def _of_images(place: Path, name: str, choices: FileChoices) -> Found:
    said = Said(
        images=choices.get("images") or "",
        test_images=choices.get("test_images"),
        files=_files(choices),
        given=_given(choices),
    )
    metric = _metric(choices, lambda: suggested_image_metrics(place, said))
    competition, inference = infer_images(place, name=name, metric=metric, said=said)
    return Found(competition, inference, place)


def _of_series(place: Path, name: str, choices: FileChoices) -> Found:
    files, given = _files(choices), _given(choices)
    if given.scheme not in (None, "expanding"):
        raise UsageError(
            f"Series are divided by time, by the scheme 'expanding', not {given.scheme!r}: other "
            "folds would train on what comes after a forecast."
        )
    horizon: int = checked_choice("horizon", choices.get("horizon"), "int", REQUIRED)
    said = SeriesSaid(
        time=given.time or "",
        target=", ".join(given.target),
        horizon=horizon,
        key=choices.get("key"),
        id=given.id,
        columns=given.columns,
    )
    metric = _metric(choices, suggested_series_metrics)
    competition, inference = infer_series(
        place, name=name, metric=metric, said=said, files=files, n_folds=given.n_folds
    )
    return Found(competition, inference, place)


_NOT_OF_TABLES = {"images", "test_images", "horizon", "key"}
_NOT_OF_IMAGES = {"time", "query", "text", "columns", "targets_file", "horizon", "key"}
_NOT_OF_SERIES = {"group", "weight", "query", "folds_column", "text", "positive", "labels"}
_NOT_OF_SERIES |= {"leave_out", "targets_file", "images", "test_images"}
_TABLES = _Kind("tables", "", _of_tables, _NOT_OF_TABLES)
# By the choice that says of which kind files are; without one they are tables.
_KINDS: Mapping[str, _Kind] = {
    "images": _Kind(
        "images",
        "that these are images: --images, the folder of the training images",
        _of_images,
        _NOT_OF_IMAGES,
    ),
    "horizon": _Kind(
        "series",
        "that these are series: --horizon, the number of steps to forecast",
        _of_series,
        _NOT_OF_SERIES,
    ),
}
# The options of choices that are called otherwise.
_OPTIONS = {"columns": "--column", "labels": "--label"}


def _option(choice: str) -> str:
    return _OPTIONS.get(choice, f"--{choice.replace('_', '-')}")


def _files(choices: FileChoices) -> dict[str, str]:
    """Return the tables that are named, by part."""
    named = {part: choices.get(f"{part}_file") for part in (*PARTS, TARGETS)}
    return {part: str(file) for part, file in named.items() if file}


def _metric(choices: FileChoices, suggested: Callable[[], Sequence[str]]) -> Metric:
    """Return the metric.

    Raises:
        AmbiguousError: if none was named.
    """
    metric = choices.get("metric")
    if metric is None:
        raise AmbiguousError("By which metric are predictions judged?", suggested(), "--metric")
    return as_metric(metric)


def name_of(path: Path) -> str:
    """Return the name of a competition for its archive or folder.

    >>> name_of(Path("data/Spaceship Titanic.csv.zip"))
    'spaceship-titanic'
    """
    plain = re.sub(r"[^a-z0-9_]+", "-", _ENDINGS.sub("", path.resolve().name).lower()).strip("-_")
    return plain or "competition"


@dataclass(frozen=True, eq=False)
class Written:
    """A competition that was written into a file.

    Attributes:
        file: where it is; yours to change.
        found: what was inferred.
        notes: what the user should know of the rows.
        refusal: why `run` refuses the data, as they are; empty if it does not.
    """

    file: Path
    found: Found
    notes: tuple[str, ...] = ()
    refusal: str = ""


def init(name: str, data: str | Path | None = None, **choices: Unpack[FileChoices]) -> Written:
    """Write the file of a competition: what its data say of themselves, to be changed.

    The rows are read once, as `run` reads them; what is wrong with them is said, and the file is
    written all the same.

    Args:
        name: of the competition, and of its folder in `competitions`.
        data: Kaggle's archive, a folder of its files, or one table; `data/<name>` unless given.
        **choices: see `FileChoices`.

    Raises:
        UsageError: if the name cannot be one, or there is such a file.
        WorkbenchError: see `infer`.
    """
    file = check_new(name)
    place = data_root() / name if data is None else Path(data)
    if data is None and not place.exists():
        raise DataError(f"There is no folder {place}. Name the data with --data.")
    found = infer(place, name, **choices)
    reasons = {row.what: row.reason for row in found.inference.rows}
    text = competition_file(found.competition, found.inference.call, reasons, place, file.parent)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"Cannot make the folder {file.parent}: {error.strerror}.") from error
    write_bytes(file, text.encode())
    return Written(file, found, *_tried(found))


def check_new(name: str) -> Path:
    """Return the file of a competition that is not there yet.

    Raises:
        UsageError: if the name cannot be one, or there is such a file or competition.
    """
    if not names_a_folder(name) or "." in name:
        raise UsageError(f"A name of letters, digits, '_' and '-' was expected, not {name!r}.")
    file = competitions_root() / name / FILE
    if file.exists():
        raise UsageError(
            f"There is a file {file} already: change it, or remove it to have it written anew."
        )
    if name in competition_names():
        raise UsageError(
            f"There is a competition called {name!r} already, {place_of(name)}. Choose another "
            "name."
        )
    return file


def _tried(found: Found) -> tuple[tuple[str, ...], str]:
    """Return the notes of the rows, and why `run` refuses them; empty if it does not."""
    competition, notes = found.competition, found.inference.notes
    try:
        dataset = competition.load(found.path)
        notes = tuple(dict.fromkeys((*notes, *dataset.notes)))
        spec = FoldSpec(competition.scheme, competition.n_folds)
        make_folds(spec, FoldInput.of(competition, dataset))
    except WorkbenchError as error:
        return notes, str(error)
    return notes, ""


def _given(choices: FileChoices) -> Given:
    scheme = choices.get("scheme")
    n_folds: int | None = checked_choice("folds", choices.get("folds"), "int")
    if scheme is not None and scheme not in SCHEMES:
        raise unknown_name("fold scheme", scheme, SCHEMES)
    if n_folds is not None and n_folds < 2:
        raise UsageError(f"--folds must be at least 2; it is {n_folds}.")
    columns = {}
    for text in choices.get("columns") or ():
        name, equals, kind = text.rpartition("=")
        if not (name and equals and kind):
            raise UsageError(f"--column takes NAME=KIND, such as Name=text, not {text!r}.")
        columns[name] = kind
    columns |= dict.fromkeys(_listed(choices.get("text")), "text")
    return Given(
        target=_listed(choices.get("target")),
        id=choices.get("id"),
        group=choices.get("group"),
        time=choices.get("time"),
        weight=choices.get("weight"),
        query=choices.get("query"),
        folds=choices.get("folds_column"),
        columns=columns,
        positive=choices.get("positive"),
        labels=_listed(choices.get("labels")),
        leave_out=_listed(choices.get("leave_out")),
        scheme=scheme,
        n_folds=n_folds,
    )


def _listed(given: str | Sequence[str] | None) -> list[str]:
    if given is None:
        return []
    return [given] if isinstance(given, str) else list(given)
