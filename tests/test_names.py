"""Names of members: what was changed of a model, there and back."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comps.base import UsageError, member_name, parse_member, split_names
from comps.house_prices.competition import HOUSE_PRICES
from pipelines.api.selection import select_models
from tests.support import RIDGE

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
CHANGES = st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), VALUES, max_size=3)


@given(st.lists(CHANGES, min_size=1, max_size=3))
def test_names_say_the_changes_and_lists_of_names_can_be_split(found: list[dict[str, Any]]) -> None:
    names = [member_name("m", changes) for changes in found]
    assert split_names(",".join(names)) == names
    read = [parse_member(name) for name in names]
    assert json.dumps(read, sort_keys=True) == json.dumps(
        [("m", changes) for changes in found], sort_keys=True
    )


@pytest.mark.parametrize("name", ["m[alpha]", "m[=3]", "[alpha=3]", "m[alpha=3]x", "m[a=1,b]"])
def test_other_forms_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is named like ridge"):
        parse_member(name)


@pytest.mark.parametrize("names", ["m[a=[1,2]", 'm[a="x]', "a,m["])
def test_what_is_not_closed_is_refused(names: str) -> None:
    with pytest.raises(UsageError, match="is missing in"):
        split_names(names)


def test_what_was_changed_goes_with_a_model_to_other_processes() -> None:
    changed = RIDGE.with_params({"alpha": 3.0}).with_params({"alpha": 4.0})
    again = pickle.loads(pickle.dumps(changed))
    assert (again, again.member) == (changed, "ridge[alpha=4.0]")
    # Back to what is declared is no change; a number of another type is one.
    assert changed.with_params({"alpha": 1.0}) == RIDGE
    assert RIDGE.with_params({"alpha": 1}).member == "ridge[alpha=1]"


def test_settings_and_names_with_brackets_choose_the_same_models() -> None:
    by_setting = select_models(HOUSE_PRICES, "ridge", ["ridge.alpha=1e6"])
    by_name = select_models(HOUSE_PRICES, "ridge[alpha=1000000.0],ridge[alpha=1e6]", [])
    assert by_setting == by_name and len(by_name) == 1
    both = select_models(HOUSE_PRICES, "ridge,median,ridge[alpha=1e6]", [])
    assert [model.member for model in both] == ["median", "ridge", "ridge[alpha=1e6]"]
    with pytest.raises(UsageError, match="Did you mean 'alpha'"):
        select_models(HOUSE_PRICES, "ridge[alhpa=1]", [])
