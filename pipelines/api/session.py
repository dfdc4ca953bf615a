"""The session that a call opens: competition, models, rows, folds, store, engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from comps.base import (
    Competition,
    Dataset,
    Model,
    UsageError,
)
from comps.reading.folds_file import FoldsFile, NumberedLoader
from comps.sources import Source, find_source
from pipelines.api.choices import Options, competition_of, parse_duration, store_of
from pipelines.api.progress import Progress, Teller
from pipelines.api.selection import changes_of, select_models, split_imported, with_given
from pipelines.engines import Engine, EngineChoices, make_engine
from pipelines.folds import FoldInput, FoldSpec, make_folds
from pipelines.results.sealed import SealedLoader, SealedPart, seal_competition
from pipelines.store import Experiment, RunStore, folds_file_name
from pipelines.trainers.backends import placed
from pipelines.tuning.best import Use, tuned


class Session:
    """A competition with its data, folds and store, as the options say.

    Args:
        options: of the command.
        imported: whether names of imported members may be among those of models.

    Raises:
        WorkbenchError: if an option is wrong or the data cannot be read.
    """

    def __init__(self, options: Options, *, imported: bool = False) -> None:
        self.options = options
        self.seed = 0 if options.seed is None else options.seed
        self.competition, names = with_given(competition_of(options), options.models)
        self.store = store_of(options)
        if options.sealed is not None:
            self.competition = seal_competition(self.competition, options.sealed)
        self.folds_file = folds_file_of(self.competition, options)
        if self.folds_file is not None:
            self.competition = _numbered(self.competition, self.folds_file, options, self.store)
        names = "quick" if options.quick else names
        self.imported: list[str] = []
        if imported and names is not None:
            names, self.imported = split_imported(self.competition, self.store, names)
        settings = list(options.settings or [])
        self.models = (
            []
            if self.imported and not names
            else select_models(self.competition, names, settings, options.weights, self._placed)
        )
        self.tuned: list[Use] = []
        if options.tuned:
            given, data = changes_of(settings), self.dataset.fingerprint
            self.models, self.tuned = tuned(
                self.store, self.models, self.competition.metric, given, data
            )
        self.notes = [use.text for use in self.tuned]

    @property
    def zoo(self) -> list[Model]:
        """All models of the competition whose libraries are installed, as they train here."""
        return select_models(self.competition, "all", [], place=self._placed)

    def _placed(self, model: Model) -> Model:
        options = self.options
        return placed(
            model if model.sized is None else model.for_rows(self.dataset),
            options.backend,
            options.precision,
            options.boosting_device,
        )

    @cached_property
    def source(self) -> Source:
        """Where the rows are."""
        return find_source(self.competition, self.options.data)

    def introduction(self) -> list[str]:
        """Return which rows are used, and what the user should know of them."""
        first = f"Data: {self.source}"
        if self.source.bundled:
            first = (
                f"No files in data/{self.competition.name}/: using the bundled sample. "
                f"Put Kaggle's {self.competition.archive} there, or name it with --data."
            )
        return [first, *self.dataset.notes, *self.notes]

    @property
    def dataset(self) -> Dataset:
        """The rows, loaded when they are first needed."""
        return self._loaded[0]

    @property
    def sealed(self) -> SealedPart | None:
        """The targets of the sealed rows, to be looked at once at the end."""
        return self._loaded[1]

    @cached_property
    def _loaded(self) -> tuple[Dataset, SealedPart | None]:
        return _opened(self.competition.load, self.source.path)

    @cached_property
    def target(self) -> NDArray[np.float64]:
        """The training target on the metric's scale, [n] float64."""
        return self.competition.scaled_target(self.dataset)

    @cached_property
    def engine(self) -> Engine:
        """What executes the jobs; its workers start with the first job."""
        options = self.options
        choices = EngineChoices(
            slots=options.jobs,
            data_parallel=options.data_parallel,
            address=options.address,
            job_limit=None if options.job_limit is None else parse_duration(options.job_limit),
            job_needs=options.job_needs,
        )
        return make_engine(options.engine, choices)

    @property
    def _n_folds(self) -> int:
        """The folds asked for; of those that a column numbers, without the sealed ones."""
        if self.options.folds is not None:
            return self.options.folds
        if self.folds_file is not None:
            return self.folds_file.n_folds
        numbered = (self.options.scheme or self.competition.scheme) == "column"
        held = self.sealed.n_folds if numbered and self.sealed is not None else 0
        return self.competition.n_folds - held

    def experiment(self, n_repeats: int | None = None) -> Experiment:
        """Return the experiment with so many repeats of the folds; None takes the option's."""
        if n_repeats is None:
            n_repeats = 1 if self.options.repeats is None else self.options.repeats
        spec = FoldSpec(self.options.scheme or self.competition.scheme, self._n_folds, self.seed)
        folds = make_folds(spec, FoldInput.of(self.competition, self.dataset), n_repeats)
        return Experiment(self.competition, self.dataset, self.source.path, folds, self.seed)


def _opened(load: Callable[[Path], Dataset], path: Path) -> tuple[Dataset, SealedPart | None]:
    """Return the rows of a loader, and what it holds out."""
    if isinstance(load, NumberedLoader):
        dataset, sealed = _opened(load.load, path)
        return load.folds.numbered(dataset), sealed
    return load.open(path) if isinstance(load, SealedLoader) else (load(path), None)


def folds_file_of(competition: Competition, options: Options) -> FoldsFile | None:
    """Return the file that numbers the folds of a call, or None."""
    if options.folds_file is None:
        return None
    return FoldsFile(options.folds_file, competition.id_column)


def _numbered(
    competition: Competition, folds: FoldsFile, options: Options, store: RunStore
) -> Competition:
    """Return a competition whose folds a file numbers; sealed rows are held out already.

    Raises:
        UsageError: if its folds follow time, and nobody said that these do not.
        DataError: if the file cannot be read.
    """
    if competition.scheme == "expanding" and options.scheme is None:
        raise UsageError(
            f"The folds of {competition.name} follow time, and models of the folds of a file learn "
            "from what comes after the rows that they predict. Leave out folds_file "
            "(--folds-file), or say that this is meant with the scheme 'column' (--scheme column)."
        )
    kept = replace(folds, kept=store.root / folds_file_name(folds.content))
    return replace(competition, load=NumberedLoader(competition.load, kept), scheme="column")


def introduced(session: Session, progress: Progress | None) -> Teller:
    """Return what tells of a call; which rows it uses has been told.

    Args:
        session: of the call.
        progress: is called with each `Update`; None tells nobody.
    """
    teller = Teller(session.competition.metric, progress)
    for note in session.introduction():
        teller.note(note)
    return teller
