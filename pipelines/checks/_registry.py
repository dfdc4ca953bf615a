"""The checks that come with the package."""

from __future__ import annotations

from collections.abc import Mapping

from comps.base import Check
from pipelines.checks.adversarial import Adversarial
from pipelines.checks.aggregates import Aggregates
from pipelines.checks.combinations import Combinations
from pipelines.checks.duplicates import OtherTargets, TestInTraining, TwiceInTraining
from pipelines.checks.groups import Groups
from pipelines.checks.ids import Ids
from pipelines.checks.images import TwiceImages
from pipelines.checks.missing_shift import MissingShift
from pipelines.checks.missingness import Missingness
from pipelines.checks.near_copies import NearCopies
from pipelines.checks.other_rows import OtherRows
from pipelines.checks.row_order import RowOrder
from pipelines.checks.single_column import SingleColumn
from pipelines.checks.steps import Steps
from pipelines.checks.texts import Texts, Words
from pipelines.checks.times import Times
from pipelines.checks.unseen import Unseen

_ALL: tuple[Check, ...] = (
    SingleColumn(),
    Missingness(),
    Ids(),
    RowOrder(),
    Aggregates(),
    OtherRows(),
    Combinations(),
    Groups(),
    Times(),
    Words(),
    Steps(),
    Adversarial(),
    Unseen(),
    MissingShift(),
    TestInTraining(),
    OtherTargets(),
    TwiceInTraining(),
    Texts(),
    TwiceImages(),
    NearCopies(),
)
#: The checks by code. A code keeps its meaning from version to version.
CHECKS: Mapping[str, Check] = {check.code: check for check in _ALL}
