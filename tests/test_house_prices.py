"""House prices: the loader, what the cells mean, and the views."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from comps.base import DataError, Dataset
from comps.house_prices.cleaning import clean
from comps.house_prices.columns import CATEGORIES, NONE, NUMBERS, ORDERED, RAW_COLUMNS
from comps.house_prices.competition import HOUSE_PRICES
from comps.house_prices.features import (
    linear_features,
    network_features,
    network_table,
    tree_features,
)
from comps.house_prices.loader import FILES
from comps.house_prices.table import HouseTable
from comps.reading.archives import read_files
from comps.reading.delimited import ALL, read_table
from tests.support import ROOT

View = Callable[[], Any]

MATRICES: list[View] = [linear_features, tree_features]
VIEWS: list[View] = [*MATRICES, network_features]
# Rows of the sample that the views are fitted on, and rows that they then meet.
FIT, OTHER = slice(0, 300), slice(300, 400)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return HOUSE_PRICES.load(HOUSE_PRICES.sample)


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    """The training file, every cell as its text."""
    content = read_files(HOUSE_PRICES.sample, FILES)["train.csv"]
    return read_table(content, "train.csv", text=ALL).frame.fillna("")


@pytest.fixture(scope="module")
def fitted(dataset: Dataset) -> dict[View, Any]:
    """Each view, fitted on the same rows."""
    target = np.log1p(dataset.target[FIT])
    views = {view: view() for view in VIEWS}
    for features in views.values():
        features.fit(dataset.train.iloc[FIT], target)
    return views


def flat(view: NDArray[Any] | Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """Return [rows, columns], the inputs of a network side by side."""
    return np.hstack(list(view.values())) if isinstance(view, Mapping) else view


def house(**cells: str) -> pd.DataFrame:
    """Return a raw row: everything is NA but what is given."""
    row = dict.fromkeys(RAW_COLUMNS, "NA") | {name.lstrip("_"): v for name, v in cells.items()}
    return pd.DataFrame([row])


def cleaned(column: str, **cells: str) -> Any:
    return clean(house(**cells)).loc[0, column]


# The loader


def test_the_sample_has_rows_prices_and_ids_that_fit_together(dataset: Dataset) -> None:
    assert list(dataset.train.columns) == list(dataset.test.columns)
    assert sorted(dataset.train.columns) == sorted(RAW_COLUMNS)
    assert len(dataset.train) == len(dataset.target) == len(np.unique(dataset.train_ids))
    assert len(dataset.test) == len(np.unique(dataset.test_ids))
    assert not set(dataset.train_ids) & set(dataset.test_ids)
    assert dataset.sample_submission["Id"].tolist() == dataset.test_ids.tolist()


def test_prices_are_dollars_not_logarithms(dataset: Dataset) -> None:
    assert dataset.target.dtype == np.float64
    assert 100_000 < np.median(dataset.target) < 250_000


def test_neither_ids_nor_prices_are_among_the_features(dataset: Dataset) -> None:
    for table in (dataset.train, dataset.test):
        assert not {"Id", "SalePrice"} & set(table.columns)


def test_numbers_and_ordered_levels_are_floats_and_categories_text(dataset: Dataset) -> None:
    table = dataset.train
    assert sorted([*NUMBERS, *ORDERED, *CATEGORIES]) == sorted(RAW_COLUMNS)
    assert all(table[name].dtype == np.float64 for name in [*NUMBERS, *ORDERED])
    for name in CATEGORIES:
        assert all(isinstance(level, str) for level in table[name].dropna())


def test_equal_rows_are_one_group_whatever_they_cost(raw: pd.DataFrame, tmp_path: Path) -> None:
    train = pd.concat([raw.iloc[:9], raw.iloc[[2]].assign(Id="9001", SalePrice="1")])
    found = load_tables(tmp_path, train, raw.iloc[20:22])
    assert found.groups is not None
    assert found.groups[2] == found.groups[9]
    assert len(np.unique(found.groups)) == 9
    assert found.notes[0].startswith("2 training rows are equal to another one")
    assert load_tables(tmp_path, raw.iloc[:9], raw.iloc[20:22]).groups is None


def load_tables(folder: Path, train: pd.DataFrame, test: pd.DataFrame) -> Dataset:
    """Write Kaggle's three files and load them."""
    train.to_csv(folder / "train.csv", index=False)
    test.drop(columns="SalePrice").to_csv(folder / "test.csv", index=False)
    sample = test[["Id"]].assign(SalePrice=1.0)
    sample.to_csv(folder / "sample_submission.csv", index=False)
    return HOUSE_PRICES.load(folder)


def respelt(rows: pd.DataFrame, column: str, spell: Callable[[str], str]) -> pd.DataFrame:
    return rows.assign(**{column: rows[column].map(spell)})


@pytest.mark.parametrize("word", ["N/A", "null", "NaN", "-", "?", "none"])
def test_other_words_for_na_mean_what_na_means_with_one_note(
    word: str, raw: pd.DataFrame, tmp_path: Path
) -> None:
    train, test = raw.iloc[:60], raw.iloc[60:80]
    expected = load_tables(tmp_path, train, test)
    found = load_tables(tmp_path, train.replace("NA", word), test.replace("NA", word))
    pd.testing.assert_frame_equal(found.train, expected.train)
    pd.testing.assert_frame_equal(found.test, expected.test)
    notes = [note for note in found.notes if note not in expected.notes]
    assert len(notes) == (word != "none")
    cells = int((raw.iloc[:80] == "NA").sum().sum())
    assert all(note.startswith(f"{cells} cells say {word!r}: ") for note in notes)


def test_another_case_of_a_known_level_is_that_level_with_a_note(
    raw: pd.DataFrame, tmp_path: Path
) -> None:
    train, test = raw.iloc[:60], raw.iloc[60:80]
    expected = load_tables(tmp_path, train, test)
    for column in ("KitchenQual", "MSZoning", "CentralAir"):
        found = load_tables(tmp_path, train, respelt(test, column, str.lower))
        pd.testing.assert_frame_equal(found.test, expected.test)
        assert any(re.match(rf"{column}: \d+ cells? of test.csv", n) for n in found.notes)


@pytest.mark.parametrize(
    ("column", "spell", "message"),
    [
        (
            "LotArea",
            lambda text: f"{int(text):,}",
            "LotArea are written differently: train.csv has",
        ),
        ("GrLivArea", lambda text: f"{text} sqft", "GrLivArea are written differently: .*'sqft'"),
        ("YearBuilt", lambda text: f"year {text}", "YearBuilt must hold numbers; 20 of the 20"),
        ("KitchenQual", lambda text: "good", "KitchenQual in test.csv holds 20 cells of no level"),
        ("Id", lambda text: f"{text}.0", "The ids of sample_submission.csv .* differ"),
    ],
)
def test_a_column_that_reads_well_in_one_file_alone_is_refused(
    column: str, spell: Callable[[str], str], message: str, raw: pd.DataFrame, tmp_path: Path
) -> None:
    train, test = raw.iloc[:60], raw.iloc[60:80]
    load_tables(tmp_path, train, test)
    spoilt = respelt(test, column, spell).drop(columns="SalePrice")
    spoilt.to_csv(tmp_path / "test.csv", index=False)
    with pytest.raises(DataError, match=message):
        HOUSE_PRICES.load(tmp_path)


def test_single_cells_that_are_no_numbers_are_missing_with_a_note(
    raw: pd.DataFrame, tmp_path: Path
) -> None:
    test = raw.iloc[60:80].reset_index(drop=True)
    test.loc[3, "LotArea"] = "big"
    found = load_tables(tmp_path, raw.iloc[:60], test)
    assert np.flatnonzero(found.test["LotArea"].isna()).tolist() == [3]
    assert (
        "LotArea: 1 cell of test.csv is no number: taken as missing. line 5: 'big'." in found.notes
    )


def test_a_sample_that_lacks_test_ids_is_refused(raw: pd.DataFrame, tmp_path: Path) -> None:
    load_tables(tmp_path, raw.iloc[:9], raw.iloc[20:26])
    lines = (tmp_path / "sample_submission.csv").read_text().splitlines()
    (tmp_path / "sample_submission.csv").write_text("\n".join(lines[:-2]))
    message = rf"\(4\) and test.csv \(6\) differ: 2 of test.csv .*{raw['Id'][24]}"
    with pytest.raises(DataError, match=message):
        HOUSE_PRICES.load(tmp_path)


def test_loading_twice_gives_equal_rows(dataset: Dataset) -> None:
    again = HOUSE_PRICES.load(HOUSE_PRICES.sample)
    pd.testing.assert_frame_equal(again.train, dataset.train)
    assert again.fingerprint == dataset.fingerprint


# What the cells mean


@pytest.mark.parametrize("column", ["Alley", "Fence", "MiscFeature", "GarageType"])
def test_na_of_a_thing_that_a_house_may_lack_is_a_level_of_its_own(column: str) -> None:
    assert cleaned(column) == NONE


@pytest.mark.parametrize(
    "column", ["PoolQC", "FireplaceQu", "BsmtQual", "BsmtFinType1", "GarageFinish", "GarageQual"]
)
def test_na_of_the_quality_of_a_thing_that_a_house_may_lack_is_zero(column: str) -> None:
    assert cleaned(column) == 0


@pytest.mark.parametrize(
    "column",
    [
        "MSZoning", "Exterior1st", "SaleType", "Neighborhood", "MSSubClass", "LotFrontage",
        "GarageYrBlt", "MasVnrArea", "Electrical", "KitchenQual", "ExterCond", "Functional",
        "Utilities", "CentralAir", "LotArea", "TotalBsmtSF",
    ],
)  # fmt: skip
def test_na_of_what_every_house_has_is_missing(column: str) -> None:
    assert pd.isna(cleaned(column))


@pytest.mark.parametrize(
    ("quality", "thing"),
    [
        ("BsmtQual", "TotalBsmtSF"),
        ("BsmtExposure", "TotalBsmtSF"),
        ("BsmtFinType2", "BsmtFinSF2"),
        ("FireplaceQu", "Fireplaces"),
        ("GarageCond", "GarageArea"),
        ("PoolQC", "PoolArea"),
    ],
)
def test_the_quality_is_missing_where_the_thing_is_there_and_none_where_it_is_not(
    quality: str, thing: str
) -> None:
    assert math.isnan(cleaned(quality, **{thing: "1"}))
    assert cleaned(quality, **{thing: "0"}) == 0
    assert cleaned(quality, **{thing: "NA"}) == 0


SCALES = {
    "ExterQual": ["Po", "Fa", "TA", "Gd", "Ex"],
    "KitchenQual": ["Po", "Fa", "TA", "Gd", "Ex"],
    "PoolQC": ["NA", "Po", "Fa", "TA", "Gd", "Ex"],
    "BsmtQual": ["NA", "Po", "Fa", "TA", "Gd", "Ex"],
    "BsmtExposure": ["NA", "No", "Mn", "Av", "Gd"],
    "BsmtFinType1": ["NA", "Unf", "LwQ", "Rec", "BLQ", "ALQ", "GLQ"],
    "GarageFinish": ["NA", "Unf", "RFn", "Fin"],
    "Functional": ["Sal", "Sev", "Maj2", "Maj1", "Mod", "Min2", "Min1", "Typ"],
    "LotShape": ["IR3", "IR2", "IR1", "Reg"],
    "LandSlope": ["Sev", "Mod", "Gtl"],
    "PavedDrive": ["N", "P", "Y"],
    "Utilities": ["ELO", "NoSeWa", "NoSewr", "AllPub"],
    "CentralAir": ["N", "Y"],
    "Street": ["Grvl", "Pave"],
    "Electrical": ["Mix", "FuseP", "FuseF", "FuseA", "SBrkr"],
}


@pytest.mark.parametrize("column", SCALES)
def test_ordered_levels_rise_one_by_one_from_the_worst_to_the_best(column: str) -> None:
    values = [cleaned(column, **{column: level}) for level in SCALES[column]]
    assert np.diff(values).tolist() == [1.0] * (len(values) - 1)


@pytest.mark.parametrize("column", ORDERED)
def test_an_ordered_level_that_the_description_does_not_know_is_missing(column: str) -> None:
    assert math.isnan(cleaned(column, **{column: "Splendid"}))


def test_every_level_of_the_sample_is_known(raw: pd.DataFrame, dataset: Dataset) -> None:
    for name in [*NUMBERS, *ORDERED]:
        unknown = dataset.train[name].isna().to_numpy() & ~raw[name].isin(["NA", ""]).to_numpy()
        assert not unknown.any(), f"{name}: {raw.loc[unknown, name].unique()}"


def test_the_class_of_dwelling_is_a_code_in_a_column_with_gaps_too() -> None:
    gaps = pd.Series([20.0, np.nan, 160.0])
    table = pd.concat([house()] * 3, ignore_index=True).assign(MSSubClass=gaps)
    codes = clean(table)["MSSubClass"]
    assert codes[0] == "20" and pd.isna(codes[1]) and codes[2] == "160"
    assert cleaned("MSSubClass", MSSubClass="20") == "20"


def test_veneer_na_is_none_unless_its_area_is_unknown_too() -> None:
    assert cleaned("MasVnrType", MasVnrType="NA", MasVnrArea="0") == NONE
    assert cleaned("MasVnrType", MasVnrType="None", MasVnrArea="0") == NONE
    assert pd.isna(cleaned("MasVnrType", MasVnrType="NA", MasVnrArea="NA"))
    assert cleaned("MasVnrType", MasVnrType="BrkFace", MasVnrArea="120") == "BrkFace"


def test_a_known_veneer_is_kept_where_its_area_is_unknown() -> None:
    assert cleaned("MasVnrType", MasVnrType="BrkFace", MasVnrArea="NA") == "BrkFace"


@pytest.mark.parametrize(
    ("second", "first"), [("Wd Shng", "WdShing"), ("CmentBd", "CemntBd"), ("Brk Cmn", "BrkComm")]
)
def test_a_material_is_one_level_in_both_spellings(second: str, first: str) -> None:
    row = house(Exterior1st=first, Exterior2nd=second)
    assert clean(row).loc[0, "Exterior2nd"] == clean(row).loc[0, "Exterior1st"]


@pytest.mark.parametrize("text", ["", " ", " NA ", "nan"])
def test_an_empty_cell_and_na_are_one_and_the_same(text: str, raw: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(clean(with_junk(raw, text)), clean(with_junk(raw, "NA")))


@pytest.mark.slow
@given(rows=st.lists(st.integers(0, 299), min_size=1, max_size=20))
@settings(max_examples=15, deadline=None)
def test_cleaning_looks_at_each_row_alone(raw: pd.DataFrame, rows: list[int]) -> None:
    whole = clean(raw.iloc[:300])
    pd.testing.assert_frame_equal(clean(raw.iloc[rows]), whole.iloc[rows])


def test_cleaning_leaves_its_argument_alone(raw: pd.DataFrame) -> None:
    table = raw.iloc[:50]
    before = table.copy()
    clean(table)
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize("text", ["large", "1,200", "nan", "12 sqft"])
def test_text_in_a_column_of_numbers_is_missing(text: str) -> None:
    assert math.isnan(cleaned("LotArea", LotArea=text))


@pytest.mark.parametrize("text", ["inf", "-inf", "1e999"])
def test_an_infinite_cell_is_missing(text: str) -> None:
    assert math.isnan(cleaned("LotArea", LotArea=text))


def test_an_infinite_code_of_dwelling_is_no_crash() -> None:
    table = pd.concat([house()] * 2, ignore_index=True).assign(MSSubClass=[20.0, math.inf])
    assert clean(table)["MSSubClass"][0] == "20"


# The views: finite for whatever comes


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_of_the_sample_is_finite_and_has_equal_columns_everywhere(
    view: View, fitted: Mapping[View, Any], dataset: Dataset
) -> None:
    train = flat(fitted[view].transform(dataset.train))
    test = flat(fitted[view].transform(dataset.test))
    assert np.isfinite(train).all() and np.isfinite(test).all()
    assert train.shape[1] == test.shape[1]
    assert len(train) == len(dataset.train) and len(test) == len(dataset.test)


JUNK = ["NA", "", " ", "Never seen", "0", "1", "-1000000", "1000000000", "0.5"]


def with_junk(raw: pd.DataFrame, junk: str) -> pd.DataFrame:
    """Return a raw row for each column, in which that column holds junk."""
    table = raw.iloc[300 : 300 + len(RAW_COLUMNS)][list(RAW_COLUMNS)].reset_index(drop=True)
    for row, name in enumerate(RAW_COLUMNS):
        table.loc[row, name] = junk
    return table


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("junk", JUNK)
def test_junk_in_any_column_is_transformed_to_finite_numbers(
    junk: str, view: View, fitted: Mapping[View, Any], raw: pd.DataFrame
) -> None:
    rows = flat(fitted[view].transform(clean(with_junk(raw, junk))))
    bad = [name for name, row in zip(RAW_COLUMNS, rows, strict=True) if not np.isfinite(row).all()]
    assert bad == []


def test_a_negative_number_of_bedrooms_is_no_infinite_feature(
    fitted: Mapping[View, Any], raw: pd.DataFrame
) -> None:
    row = clean(raw.iloc[[300]].assign(BedroomAbvGr="-1"))
    assert np.isfinite(flat(fitted[tree_features].transform(row))).all()


@pytest.mark.parametrize("view", VIEWS)
def test_a_row_of_which_nothing_is_known_is_transformed_to_finite_numbers(
    view: View, fitted: Mapping[View, Any]
) -> None:
    assert np.isfinite(flat(fitted[view].transform(clean(house())))).all()


@pytest.mark.parametrize("view", VIEWS)
def test_every_value_of_a_column_may_be_missing_in_the_rows_to_predict(
    view: View, fitted: Mapping[View, Any], dataset: Dataset
) -> None:
    rows = dataset.train.iloc[OTHER]
    for names in (NUMBERS, tuple(ORDERED), CATEGORIES):
        holes = rows.copy()
        holes[list(names)] = None if names is CATEGORIES else np.nan
        assert np.isfinite(flat(fitted[view].transform(holes))).all()


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    "names",
    [
        ["PoolQC", "Alley", "Fence", "MiscFeature"],
        ["LotFrontage"],
        ["GarageYrBlt", "YearBuilt"],
        ["Neighborhood", "MSSubClass"],
        ["GrLivArea"],
    ],
    ids=" ".join,
)
def test_a_column_may_be_missing_in_all_rows_that_are_learned_from(
    view: View, names: list[str], dataset: Dataset
) -> None:
    rows = dataset.train.iloc[:120].copy()
    for name in names:
        rows[name] = None if name in CATEGORIES else np.nan
    features = view().fit(rows, np.log1p(dataset.target[:120]))
    assert np.isfinite(flat(features.transform(dataset.train.iloc[OTHER]))).all()


# The views: what is learned is learned in `fit`


@pytest.mark.parametrize("view", VIEWS)
@given(rows=st.lists(st.integers(0, 99), min_size=1, max_size=30))
@settings(max_examples=12, deadline=None)
def test_a_row_is_transformed_alike_whatever_other_rows_come_with_it(
    view: View, fitted: Mapping[View, Any], dataset: Dataset, rows: list[int]
) -> None:
    others = dataset.train.iloc[OTHER]
    whole = flat(fitted[view].transform(others))
    part = flat(fitted[view].transform(others.iloc[rows]))
    np.testing.assert_array_equal(part, whole[rows])


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_depends_on_the_rows_and_targets_that_it_is_fitted_on(
    view: View, fitted: Mapping[View, Any], dataset: Dataset
) -> None:
    others = dataset.train.iloc[OTHER]
    first = flat(fitted[view].transform(others))
    elsewhere = view().fit(dataset.train.iloc[400:700], np.log1p(dataset.target[400:700]))
    second = flat(elsewhere.transform(others))
    assert first.shape != second.shape or not np.array_equal(first, second)


@pytest.mark.parametrize("view", VIEWS)
def test_fitting_again_gives_the_same_numbers_and_transforming_learns_nothing(
    view: View, fitted: Mapping[View, Any], dataset: Dataset
) -> None:
    others = dataset.train.iloc[OTHER]
    first = flat(fitted[view].transform(others))
    fitted[view].transform(dataset.test)
    np.testing.assert_array_equal(flat(fitted[view].transform(others)), first)
    again = view().fit(dataset.train.iloc[FIT], np.log1p(dataset.target[FIT]))
    np.testing.assert_array_equal(flat(again.transform(others)), first)


@pytest.mark.parametrize("view", VIEWS)
def test_a_factory_returns_a_new_unfitted_transformer(view: View) -> None:
    first, second = view(), view()
    assert first is not second
    with pytest.raises(NotFittedError, match="not fitted"):
        check_is_fitted(first[-1])


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_leaves_its_argument_alone(
    view: View, fitted: Mapping[View, Any], dataset: Dataset
) -> None:
    table = dataset.test.iloc[:50].copy()
    fitted[view].transform(table)
    pd.testing.assert_frame_equal(table, dataset.test.iloc[:50])


def test_holes_are_filled_with_the_median_and_the_mode_of_the_fitted_rows(
    dataset: Dataset,
) -> None:
    rows = dataset.train.iloc[FIT]
    table = HouseTable().fit(rows)
    filled = table.transform(clean(house(Neighborhood="NAmes")))
    frontage = rows.loc[rows["Neighborhood"] == "NAmes", "LotFrontage"].median()
    assert filled.loc[0, "LotFrontage"] == frontage != rows["LotFrontage"].median()
    assert filled.loc[0, "LotArea"] == rows["LotArea"].median()
    assert filled.loc[0, "KitchenQual"] == rows["KitchenQual"].median()
    assert filled.loc[0, "MSZoning"] == rows["MSZoning"].mode()[0]
    assert filled.loc[0, "FrontageUnknown"] == 1
    nowhere = table.transform(clean(house(Neighborhood="Nowhere")))
    assert nowhere.loc[0, "LotFrontage"] == rows["LotFrontage"].median()


def test_a_garage_without_a_year_is_as_old_as_its_house(dataset: Dataset) -> None:
    table = HouseTable().fit(dataset.train.iloc[FIT])
    filled = table.transform(clean(house(YearBuilt="1931", YrSold="2008")))
    assert filled.loc[0, "GarageYrBlt"] == 1931
    assert filled.loc[0, "GarageAge"] == filled.loc[0, "Age"] == 77


def test_the_table_has_domain_features_and_no_holes(dataset: Dataset) -> None:
    table = network_table().fit(dataset.train.iloc[FIT]).transform(dataset.train.iloc[OTHER])
    assert not table.isna().any().any()
    assert set(table.select_dtypes(exclude="number").columns) == set(CATEGORIES)
    area = table["GrLivArea"] + table["TotalBsmtSF"]
    pd.testing.assert_series_equal(table["TotalSF"], area, check_names=False)
    assert (table[["Age", "YearsSinceWork", "GarageAge"]] >= 0).all(axis=None)


def test_matrices_are_dense_floats_of_one_row_a_house(
    fitted: Mapping[View, Any], dataset: Dataset
) -> None:
    for view in MATRICES:
        matrix = fitted[view].transform(dataset.train.iloc[OTHER])
        assert isinstance(matrix, np.ndarray) and matrix.dtype == np.float64
        assert matrix.shape[0] == 100


def test_target_means_come_from_other_rows_than_the_one_that_they_describe(
    dataset: Dataset,
) -> None:
    # A row whose price is absurd must not see that price in its own features.
    rows, target = dataset.train.iloc[FIT], np.log1p(dataset.target[FIT])
    absurd = target.copy()
    absurd[0] += 50
    before = tree_features().fit_transform(rows, target)
    after = tree_features().fit_transform(rows, absurd)
    np.testing.assert_array_equal(before[0], after[0])
    assert not np.array_equal(before, after)


# The inputs of networks


def test_network_inputs_are_float32_by_name_one_row_a_house(
    fitted: Mapping[View, Any], dataset: Dataset
) -> None:
    inputs = fitted[network_features].transform(dataset.train.iloc[OTHER])
    assert set(inputs) == {"numeric", "levels"}
    for part in inputs.values():
        assert part.dtype == np.float32 and part.ndim == 2 and len(part) == 100


def test_network_inputs_are_as_wide_in_one_fold_as_in_another(dataset: Dataset) -> None:
    halves = [dataset.train.iloc[start::2] for start in range(2)]
    views = [network_features().fit(rows) for rows in halves]
    learned = [view[-1].encoder_.get_feature_names_out() for view in views]
    found = [view.transform(dataset.train.iloc[:20])["levels"] for view in views]
    assert len(learned[0]) != len(learned[1])
    assert found[0].shape == found[1].shape
    for names, levels in zip(learned, found, strict=True):
        assert levels.shape[1] % 64 == 0 and levels.shape[1] - len(names) < 64
        assert not levels[:, len(names) :].any()


def test_network_numbers_are_bounded_and_levels_are_indicators(
    fitted: Mapping[View, Any], raw: pd.DataFrame
) -> None:
    for junk in ["1000000000", "-1000000", "Never seen"]:
        inputs = fitted[network_features].transform(clean(with_junk(raw, junk)))
        assert np.abs(inputs["numeric"]).max() <= 5
        assert set(np.unique(inputs["levels"])) <= {0.0, 1.0}
        assert inputs["levels"].sum(axis=1).max() <= len(CATEGORIES)


def test_network_numbers_are_centred_on_the_fitted_rows(
    fitted: Mapping[View, Any], dataset: Dataset
) -> None:
    numbers = fitted[network_features].transform(dataset.train.iloc[FIT])["numeric"]
    assert np.abs(numbers.mean(axis=0)).max() < 0.5
    assert 0.5 < np.median(numbers.std(axis=0)) < 1.2


def test_all_folds_have_the_same_network_numbers(dataset: Dataset) -> None:
    counts = set()
    for start in (0, 300, 600):
        rows = slice(start, start + 120)
        features = network_features().fit(dataset.train.iloc[rows], None)
        counts.add(features.transform(dataset.train.iloc[:5])["numeric"].shape)
    assert len(counts) == 1


def test_network_inputs_refuse_numbers_with_holes_by_name(dataset: Dataset) -> None:
    features = network_features()[-1]
    with pytest.raises(ValueError, match=r"needs numbers without holes\. Received NaN .*LotFr"):
        features.fit(dataset.train)


# The zoo


def test_the_range_of_a_submission_is_all_positive_prices() -> None:
    low, high = HOUSE_PRICES.valid_range
    assert 0 < low < 1e-300 and high == math.inf


def test_libraries_of_default_models_are_dependencies_or_declared_extras() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    required = {text.split(">")[0].strip() for text in project["dependencies"]}
    libraries = {"sklearn": "scikit-learn"}
    for model in HOUSE_PRICES.models:
        if model.extra is None:
            library = model.trainer.partition("-")[0]
            assert libraries.get(library, library) in required
            assert find_spec(library) is not None
        else:
            assert any(
                model.extra in text for text in project["optional-dependencies"][model.extra]
            )
