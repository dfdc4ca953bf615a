"""The kept models of a result's members, whatever was run since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from comps.base import Model, UsageError
from comps.sources import runs_root
from pipelines.api.results import Result
from pipelines.results.oof import OutOfFold
from pipelines.store import Experiment, RunStore
from pipelines.store.records import Member, read_records


@dataclass(frozen=True, eq=False)
class ResultModels:
    """The members of a result, see `pipelines.api.kept_models.Trained`.

    Attributes:
        experiment: competition, rows, folds and seed.
        oofs: predictions by member.
        store: where the models are.
    """

    experiment: Experiment
    oofs: Mapping[str, OutOfFold]
    store: RunStore

    @cached_property
    def _recorded(self) -> dict[tuple[str, str], Member]:
        """The members of all records by name and key; the last record counts."""
        members = (member for record in read_records(self.store)[0] for member in record.members)
        return {(member.name, member.key): member for member in members}

    @classmethod
    def of(cls, result: Result) -> ResultModels:
        """Return the members of a result.

        Raises:
            UsageError: if its data changed since: new rows would be read by other training rows.
            DataError: if its data are gone.
        """
        experiment = result.experiment
        now = experiment.competition.load(experiment.data)
        if now.fingerprint != experiment.dataset.fingerprint:
            raise UsageError(
                f"{experiment.data} changed since this result was made, and new rows are read as "
                "its rows are. Run again on what is there now."
            )
        root = runs_root() if result.runs is None else result.runs
        return cls(experiment, result.oof, RunStore(root / experiment.competition.name))

    def declared(self, member: str) -> Model:
        """Return the declaration of a member, as the record says that has its key.

        Raises:
            UsageError: if no record has it.
        """
        recorded = self._recorded.get((member, self.oofs[member].key))
        if recorded is not None:
            return recorded.trained(self.experiment.competition)
        raise UsageError(
            f"No record in {self.store.root} says how {member} was trained, so that its models "
            "cannot be read. Run it again: what is stored is not fitted anew."
        )
