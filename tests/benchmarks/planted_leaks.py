"""What the checks find: planted leaks that are caught, and alarms in data sets without any.

    python -m tests.benchmarks.planted_leaks [--seeds 3] [--first 0] [--results FILE] [NAME ...]

Each data set is generated; one line of JSON a data set goes to the file, and a data set that is
there already is not checked again. A leak is caught if a check that is named with it finds
something beyond a note; an alarm is anything beyond a note.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from comps import table_competition
from comps.base import Competition, Severity
from pipelines.checks import MOST_ROWS, check

Rng = np.random.Generator
METRICS = {"values": "rmse", "two": "roc_auc", "many": "log_loss"}


@dataclass
class Rows:
    """Rows of both parts, before they are divided, with the target and what it follows."""

    table: pd.DataFrame
    y: np.ndarray
    kind: str

    @property
    def n(self) -> int:
        return len(self.table)

    def spread(self) -> float:
        return float(np.std(self.y))

    def numeric(self) -> np.ndarray:
        """The target as numbers: values, or codes of classes."""
        return self.y.astype(float) if self.kind == "values" else pd.factorize(self.y, sort=True)[0]

    def competition(
        self,
        rng: Rng,
        test: np.ndarray | None = None,
        shuffle: bool = True,
        **more: Any,
    ) -> Competition:
        """Divide the rows: the test rows are drawn unless given as a mask."""
        table = self.table.assign(target=self.y)
        if test is None:
            test = rng.random(self.n) < 0.3
        train, unseen = table[~test], table[test]
        if shuffle:
            train = train.iloc[rng.permutation(len(train))]
            unseen = unseen.iloc[rng.permutation(len(unseen))]
        return table_competition(
            train.reset_index(drop=True),
            unseen.drop(columns="target").reset_index(drop=True),
            target="target",
            metric=METRICS[self.kind],
            **more,
        )


def rows(rng: Rng, n: int, kind: str, noise: float = 0.7, strong: float = 0.0) -> Rows:
    """Return rows whose target follows numbers, levels and a product, with noise.

    Args:
        rng: of the drawing.
        n: number of rows.
        kind: "values", "two" or "many" classes.
        noise: deviation beside that of what can be predicted, which is 1.
        strong: weight of one column that predicts the target well and honestly.
    """
    k = int(rng.integers(4, 12))
    x = rng.normal(size=(n, k))
    x[:, 1] = 0.6 * x[:, 0] + 0.8 * x[:, 1]
    towns = rng.choice(list("abcdefgh"), size=n)
    effect = rng.normal(size=8)[[ord(town) - 97 for town in towns]]
    score = x[:, 0] + 0.7 * x[:, 2] * (x[:, 3] > 0) - 0.5 * x[:, 1] + 0.5 * effect
    score = score / score.std() + strong * x[:, -1]
    table = pd.DataFrame({f"x{i}": x[:, i] for i in range(k)}).assign(town=towns)
    table["count"] = rng.poisson(3, n)
    table["x0"] = table["x0"].mask(rng.random(n) < 0.05)
    score = score + noise * rng.normal(size=n)
    if kind == "values":
        return Rows(table, np.round(50 + 10 * score, 3), kind)
    if kind == "two":
        return Rows(table, np.where(score > np.quantile(score, 0.65), "yes", "no"), kind)
    labels = np.array(["low", "mid", "high"])
    return Rows(table, labels[np.digitize(score, np.quantile(score, [0.4, 0.75]))], kind)


# Leaks: each returns a competition.

LEAKS: dict[str, tuple[Callable[[Rng], Competition], tuple[str, ...]]] = {}
CLEAN: dict[str, Callable[[Rng], Competition]] = {}


def leak(*codes: str) -> Callable[[Callable[[Rng], Competition]], Callable[[Rng], Competition]]:
    def register(function: Callable[[Rng], Competition]) -> Callable[[Rng], Competition]:
        LEAKS[function.__name__] = function, codes
        return function

    return register


def clean(function: Callable[[Rng], Competition]) -> Callable[[Rng], Competition]:
    CLEAN[function.__name__] = function
    return function


def size(rng: Rng, low: int = 300, high: int = 6000) -> int:
    return int(np.exp(rng.uniform(np.log(low / 0.7), np.log(high / 0.7))))


@leak("L001")
def copy_with_a_little_noise(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "values")
    data.table["amount"] = data.y + 0.05 * data.spread() * rng.normal(size=data.n)
    return data.competition(rng)


@leak("L001")
def copy_with_much_noise(rng: Rng) -> Competition:
    data = rows(rng, size(rng, 600), "values", noise=0.8)
    data.table["estimate"] = data.y + 0.3 * data.spread() * rng.normal(size=data.n)
    return data.competition(rng)


@leak("L001")
def copy_beside_a_strong_predictor(rng: Rng) -> Competition:
    data = rows(rng, size(rng, 600), "values", noise=0.5, strong=2.5)
    data.table["amount"] = data.y + 0.08 * data.spread() * rng.normal(size=data.n)
    return data.competition(rng)


@leak("L001")
def logarithm_of_a_skewed_target(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "values")
    data.y = np.exp(data.y / 10)
    data.table["score"] = np.log(data.y) + 0.02 * rng.normal(size=data.n)
    return data.competition(rng)


@leak("L001")
def rank_of_the_target(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "values")
    data.table["place"] = pd.Series(data.y).rank(method="first").astype(int)
    return data.competition(rng)


@leak("L001")
def target_in_ten_bins(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "values")
    data.table["grade"] = pd.qcut(data.y, 10, labels=list("jacbdhgief")).astype(str)
    return data.competition(rng)


@leak("L001")
def rounded_target(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "values")
    data.table["about"] = np.round(data.y / 5) * 5
    return data.competition(rng)


@leak("L001")
def label_with_flips(rng: Rng) -> Competition:
    data = rows(rng, size(rng, 800), "two")
    code = data.numeric()
    data.table["status"] = np.where(rng.random(data.n) < 0.03, 1 - code, code)
    return data.competition(rng)


@leak("L001", "L002")
def column_after_the_outcome(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "two")
    code = data.numeric()
    amount = rng.gamma(2, 50, size=data.n).round(2)
    data.table["refund"] = np.where(code == 1, amount + 1, 0) * (rng.random(data.n) > 0.01)
    return data.competition(rng)


@leak("L001")
def number_after_the_outcome(rng: Rng) -> Competition:
    data = rows(rng, size(rng, 600), "two")
    data.table["calls"] = rng.normal(5 * data.numeric(), 1)
    return data.competition(rng)


@leak("L001")
def codes_of_many_classes(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "many")
    names = pd.Series(data.y).map({"low": "C", "mid": "A", "high": "B"})
    wrong = rng.random(data.n) < 0.02
    data.table["plan"] = np.where(wrong, rng.choice(list("ABC"), data.n), names)
    return data.competition(rng)


@leak("L001")
def one_class_of_three(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "many")
    data.table["flag"] = (data.y == "high").astype(int)
    return data.competition(rng)


@leak("L001")
def target_of_a_part_of_the_rows(rng: Rng) -> Competition:
    data = rows(rng, size(rng, 500), "values")
    noisy = data.y + 0.02 * data.spread() * rng.normal(size=data.n)
    data.table["final"] = np.where(rng.random(data.n) < 0.3, noisy, np.nan)
    return data.competition(rng)


@leak("L001")
def two_leaks_at_once(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "two")
    code = data.numeric()
    data.table["closed"] = code
    data.table["sum_paid"] = code * rng.uniform(10, 20, data.n)
    return data.competition(rng)


@leak("L001", "L010")
def code_that_begins_with_the_class(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "two")
    letter = np.where(data.numeric() == 1, "K", "B")
    number = rng.permutation(data.n * 7)[: data.n]
    data.table["ticket"] = [f"{a}{b:06d}" for a, b in zip(letter, number, strict=True)]
    return data.competition(rng)


@leak("L001")
def class_with_much_noise(rng: Rng) -> Competition:
    data = rows(rng, size(rng, 1000), "two")
    data.table["signal"] = data.numeric() + 0.45 * rng.normal(size=data.n)
    return data.competition(rng)


@leak("L011", "L001")
def target_in_few_bins(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "values")
    bins = int(rng.integers(2, 5))
    data.table["band"] = pd.qcut(data.y, bins, labels=list("cabd")[:bins]).astype(str)
    return data.competition(rng)


@leak("L010")
def word_of_a_text(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "two")
    words = np.array(["the", "goods", "came", "late", "and", "we", "were", "told", "to", "wait"])
    texts = [" ".join(rng.choice(words, 12)) for _ in range(data.n)]
    told = np.where(data.numeric() == 1, " refund granted", " thanks")
    data.table["comment"] = [a + b for a, b in zip(texts, told, strict=True)]
    return data.competition(rng)


@leak("L010")
def word_of_texts_alone(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "two")
    words = np.array(
        ["the", "market", "rose", "fell", "and", "shares", "were", "told", "to", "hold"]
    )
    texts = np.array([" ".join(rng.choice(words, 12)) for _ in range(data.n)])
    told = np.where(data.numeric() == 1, " reuters", "")
    data.table = pd.DataFrame({"article": np.char.add(texts, told)})
    return data.competition(rng)


@leak("L002")
def missing_where_positive(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "two")
    hidden = (data.numeric() == 1) ^ (rng.random(data.n) < 0.04)
    data.table["income"] = np.where(hidden, np.nan, rng.lognormal(3, 1, data.n))
    return data.competition(rng)


@leak("L002")
def filled_after_the_event(rng: Rng) -> Competition:
    data = rows(rng, size(rng, 500), "two")
    filled = (data.numeric() == 1) & (rng.random(data.n) < 0.5)
    data.table["closing_day"] = np.where(filled, rng.integers(1, 28, data.n), np.nan)
    return data.competition(rng)


@leak("L002")
def missing_where_high(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "values")
    hidden = data.y > np.quantile(data.y, 0.8)
    data.table["phase"] = pd.Series(rng.choice(["a", "b", "c"], data.n)).mask(hidden)
    return data.competition(rng)


@leak("L002")
def missing_where_zero(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "values")
    zero = rng.random(data.n) < 0.3
    data.y = np.where(zero, 0.0, data.y)
    data.table["paid_on"] = np.where(zero, np.nan, rng.integers(1, 365, data.n))
    return data.competition(rng)


@leak("L003", "L004")
def ids_by_class(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "two")
    data.table["id"] = np.argsort(np.argsort(data.numeric() + 0.6 * rng.normal(size=data.n))) + 1
    return data.competition(rng, id="id")


@leak("L003")
def last_digit_of_the_id(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "two")
    low = rng.permutation(data.n)
    data.table["id"] = low * 10 + np.where(data.numeric() == 1, 7, rng.integers(0, 7, data.n))
    return data.competition(rng, id="id")


@leak("L003")
def letters_of_the_id(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "many")
    letter = pd.Series(data.y).map({"low": "Q", "mid": "R", "high": "S"})
    letter = letter.where(rng.random(data.n) > 0.3, "T")
    data.table["id"] = [f"{a}-{b}" for a, b in zip(letter, rng.permutation(data.n), strict=True)]
    return data.competition(rng, id="id")


@leak("L004", "L003")
def rows_sorted_by_class(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "two")
    order = np.argsort(data.numeric() + 1.0 * rng.normal(size=data.n), kind="stable")
    data = Rows(data.table.iloc[order].reset_index(drop=True), data.y[order], data.kind)
    return data.competition(rng, shuffle=False)


@leak("L004", "L003")
def rows_in_turns(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "two")
    order = np.argsort(data.numeric() + 0.3 * rng.normal(size=data.n), kind="stable")
    half = data.n // 2
    turns = np.ravel(np.column_stack([order[:half], order[half : 2 * half]]))
    data = Rows(data.table.iloc[turns].reset_index(drop=True), data.y[turns], data.kind)
    test = np.arange(data.n) >= 0.7 * data.n
    return data.competition(rng, test=test, shuffle=False)


@leak("L004", "L006")
def neighbours_are_alike(rng: Rng) -> Competition:
    data = rows(rng, size(rng, 500), "values")
    wave = np.cumsum(rng.normal(size=data.n))
    wave -= pd.Series(wave).rolling(30, min_periods=1, center=True).mean().to_numpy()
    data.y = data.y + 8 * wave / wave.std()
    return data.competition(rng, shuffle=False)


@leak("L005")
def mean_target_of_a_category(rng: Rng) -> Competition:
    data = rows(rng, size(rng, 600), str(rng.choice(["values", "two"])))
    data.table["shop"] = rng.integers(0, data.n // int(rng.integers(4, 12)), data.n)
    target = pd.Series(data.numeric()).astype(float)
    data.table["shop_mean"] = target.groupby(data.table["shop"]).transform("mean")
    return data.competition(rng)


@leak("L005")
def smoothed_mean_of_a_dropped_category(rng: Rng) -> Competition:
    data = rows(rng, size(rng, 600), "two")
    shop = rng.integers(0, data.n // 8, data.n)
    target = pd.Series(data.numeric()).astype(float)
    groups = target.groupby(shop)
    total, n = groups.transform("sum"), groups.transform("count")
    data.table["rate"] = (total + 5 * target.mean()) / (n + 5)
    return data.competition(rng)


@leak("L005")
def mean_of_the_others_of_a_category(rng: Rng) -> Competition:
    data = rows(rng, size(rng, 600), "values")
    data.table["agent"] = [f"a{i}" for i in rng.integers(0, data.n // 10, data.n)]
    target = pd.Series(data.y)
    groups = target.groupby(data.table["agent"])
    n = groups.transform("count")
    data.table["agent_mean"] = (groups.transform("sum") - target) / (n - 1).clip(lower=1)
    return data.competition(rng)


@leak("L005")
def mean_target_of_few_large_levels(rng: Rng) -> Competition:
    data = rows(rng, size(rng, 1500), str(rng.choice(["values", "two"])))
    data.table["region"] = rng.choice([f"r{i}" for i in range(25)], data.n)
    target = pd.Series(data.numeric()).astype(float)
    data.table["region_mean"] = target.groupby(data.table["region"]).transform("mean")
    return data.competition(rng)


@leak("L005")
def count_of_positives_of_a_customer(rng: Rng) -> Competition:
    data = rows(rng, size(rng, 800), "two")
    data.table["customer"] = rng.integers(0, data.n // 7, data.n)
    target = pd.Series(data.numeric())
    data.table["positives"] = target.groupby(data.table["customer"]).transform("sum")
    return data.competition(rng)


@leak("L005")
def rank_within_a_category(rng: Rng) -> Competition:
    data = rows(rng, size(rng, 600), "values")
    data.table["day_no"] = rng.integers(0, data.n // 12, data.n)
    effect = 20 * rng.normal(size=data.n)
    data.y = data.y + effect[data.table["day_no"]]
    target = pd.Series(data.y)
    data.table["position"] = target.groupby(data.table["day_no"]).rank(pct=True)
    return data.competition(rng)


@leak("L006")
def target_of_the_row_before(rng: Rng) -> Competition:
    data = rows(rng, size(rng), str(rng.choice(["values", "two"])))
    data.table["last"] = pd.Series(data.numeric()).shift(1)
    test = np.arange(data.n) >= 0.7 * data.n
    return data.competition(rng, test=test, shuffle=False)


@leak("L006")
def target_of_the_row_before_with_ids(rng: Rng) -> Competition:
    data = rows(rng, size(rng, 500), "two")
    data.table["last"] = pd.Series(data.numeric()).shift(1)
    data.table["id"] = np.arange(data.n) + 1000
    return data.competition(rng, id="id")


@leak("L006")
def last_target_of_the_same_customer(rng: Rng) -> Competition:
    data = rows(rng, size(rng, 600), "values")
    data.table["customer"] = rng.integers(0, data.n // 10, data.n)
    data.table["last"] = pd.Series(data.y).groupby(data.table["customer"]).shift(1)
    return data.competition(rng, shuffle=False)


@leak("L006")
def mean_of_the_rows_so_far(rng: Rng) -> Competition:
    data = rows(rng, size(rng), str(rng.choice(["values", "two"])))
    data.table["usual"] = pd.Series(data.numeric()).expanding().mean()
    test = np.arange(data.n) >= 0.7 * data.n
    return data.competition(rng, test=test, shuffle=False)


@leak("L006")
def next_target_in_shuffled_rows(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "values")
    data.table["next"] = pd.Series(data.y).shift(-1)
    return data.competition(rng)


@leak("L006")
def moving_mean_around_the_row(rng: Rng) -> Competition:
    data = rows(rng, size(rng, 500), "values")
    data.table["trend"] = pd.Series(data.y).rolling(7, min_periods=1, center=True).mean()
    test = np.arange(data.n) >= 0.7 * data.n
    return data.competition(rng, test=test, shuffle=False)


@leak("L006")
def running_total(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "values")
    data.table["so_far"] = np.cumsum(data.y)
    test = np.arange(data.n) >= 0.7 * data.n
    return data.competition(rng, test=test, shuffle=False)


@leak("L007")
def parts_of_the_target(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "values")
    share = rng.uniform(0.2, 0.8, data.n)
    data.table["casual"] = (data.y * share).round(2)
    data.table["registered"] = (data.y - data.table["casual"]).round(2)
    return data.competition(rng)


@leak("L007")
def begin_and_end(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "values")
    data.y = np.abs(data.y) + 1
    begin = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 10**7, data.n), unit="s")
    data.table["begin"] = begin
    data.table["end"] = begin + pd.to_timedelta(data.y, unit="min")
    return data.competition(rng)


@leak("L007")
def number_and_price(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "values")
    data.y = np.exp(data.y / 20)
    data.table["pieces"] = rng.integers(1, 50, data.n)
    data.table["per_piece"] = data.y / data.table["pieces"]
    return data.competition(rng)


@leak("L007")
def goals_of_both_teams(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "two")
    home = rng.poisson(1.5, data.n).astype(float)
    data.table["home"] = home
    more = rng.integers(1, 3, data.n)
    data.table["away"] = np.where(data.numeric() == 1, home - more, home + more - 1)
    return data.competition(rng)


def _grouped(rng: Rng, kind: str, key: str) -> tuple[Rows, np.ndarray]:
    data = rows(rng, size(rng, 600), kind)
    n_groups = max(40, data.n // int(rng.integers(5, 15)))
    group = rng.integers(0, n_groups, data.n)
    effect = rng.normal(size=n_groups)[group]
    if kind == "values":
        data.y = data.y + 15 * effect
    else:
        data.y = np.where(rng.random(data.n) < 1 / (1 + np.exp(-3 * effect)), "yes", "no")
    data.table[key] = group * 13 + 1000
    return data, rng.permutation(n_groups)[group] < 0.3 * n_groups


@leak("L008")
def customers_with_several_rows(rng: Rng) -> Competition:
    data, test = _grouped(rng, "values", "customer")
    return data.competition(rng, test=test)


@leak("L008")
def patients_with_several_visits(rng: Rng) -> Competition:
    data, test = _grouped(rng, "two", "patient")
    data.table["patient"] = [f"p{number}" for number in data.table["patient"]]
    return data.competition(rng, test=test)


@leak("L008")
def groups_without_a_key(rng: Rng) -> Competition:
    data, test = _grouped(rng, "values", "key")
    heights = rng.normal(170, 10, 20_000).round(3)
    data.table["height"] = heights[data.table["key"]]
    data.table = data.table.drop(columns="key")
    return data.competition(rng, test=test)


@leak("L009")
def test_rows_are_later(rng: Rng) -> Competition:
    data = rows(rng, size(rng, 800), "values")
    day = np.sort(rng.integers(0, 720, data.n))
    walk = np.cumsum(rng.normal(size=721))
    data.y = data.y + 12 * walk[day] / walk.std()
    data.table["date"] = pd.Timestamp("2022-01-01") + pd.to_timedelta(day, unit="D")
    test = np.arange(data.n) >= 0.7 * data.n
    return data.competition(rng, test=test, shuffle=bool(rng.random() < 0.5))


@leak("L009")
def months_as_numbers(rng: Rng) -> Competition:
    data = rows(rng, size(rng, 1500), "two")
    month = np.sort(rng.integers(0, 40, data.n))
    level = rng.normal(size=40) * 2
    chance = 1 / (1 + np.exp(-(data.numeric() - 0.5) * 2 - level[month]))
    data.y = np.where(rng.random(data.n) < chance, "yes", "no")
    data.table["month_index"] = month
    return data.competition(rng, test=month >= 28)


@leak("D001")
def test_rows_copied_from_training(rng: Rng) -> Competition:
    data = rows(rng, size(rng), str(rng.choice(list(METRICS))))
    test = np.arange(data.n) >= 0.7 * data.n
    copied = np.flatnonzero(test)[: int(test.sum() * rng.uniform(0.03, 0.2))]
    data.table.iloc[copied] = data.table.iloc[rng.choice(np.flatnonzero(~test), len(copied))]
    return data.competition(rng, test=test)


@leak("D001", "D003")
def rows_copied_before_the_split(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "values")
    again = rng.choice(data.n, data.n // 10)
    table = pd.concat([data.table, data.table.iloc[again]], ignore_index=True)
    data = Rows(table, np.concatenate([data.y, data.y[again]]), data.kind)
    return data.competition(rng)


@leak("D001", "D003")
def copies_with_new_numbers(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "two")
    again = rng.choice(data.n, data.n // 10)
    table = pd.concat([data.table, data.table.iloc[again]], ignore_index=True)
    table["row_id"] = rng.permutation(len(table)) + 1
    data = Rows(table, np.concatenate([data.y, data.y[again]]), data.kind)
    return data.competition(rng)


@leak("D006")
def copies_with_a_little_noise(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "values")
    again = rng.choice(data.n, data.n // 15, replace=False)
    table = pd.concat([data.table, data.table.iloc[again]], ignore_index=True)
    numbers = [name for name in table if str(name).startswith("x")]
    table.loc[data.n :, numbers] += 1e-3 * rng.normal(size=(len(again), len(numbers)))
    return Rows(table, np.concatenate([data.y, data.y[again]]), data.kind).competition(rng)


@leak("D002")
def equal_rows_with_other_labels(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "two")
    again = rng.choice(data.n, data.n // 20, replace=False)
    table = pd.concat([data.table, data.table.iloc[again]], ignore_index=True)
    other = np.where(data.y[again] == "yes", "no", "yes")
    return Rows(table, np.concatenate([data.y, other]), data.kind).competition(rng)


@leak("D004")
def texts_twice(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "two")
    words = np.array([f"word{i}" for i in range(500)])
    texts = np.array([" ".join(rng.choice(words, 12)) for _ in range(data.n)], dtype=object)
    again = rng.choice(data.n, data.n // 10)
    texts[rng.choice(data.n, len(again))] = [text.upper() + " !" for text in texts[again]]
    data.table["comment"] = texts
    return data.competition(rng)


@leak("S001")
def a_column_that_drifts(rng: Rng) -> Competition:
    data = rows(rng, size(rng, 500), "values")
    test = rng.random(data.n) < 0.3
    data.table["x2"] += np.where(test, 0.8, 0.0)
    return data.competition(rng, test=test)


@leak("S002", "S001")
def a_new_level(rng: Rng) -> Competition:
    data = rows(rng, size(rng, 500), "two")
    test = rng.random(data.n) < 0.3
    data.table.loc[test & (rng.random(data.n) < 0.06), "town"] = "zz"
    return data.competition(rng, test=test)


@leak("S002", "S001")
def a_wider_range(rng: Rng) -> Competition:
    data = rows(rng, size(rng, 500), "values")
    test = (data.table["x1"] > 1.3).to_numpy()
    return data.competition(rng, test=test | (rng.random(data.n) < 0.2))


@leak("S003", "S001")
def empty_in_the_test_rows(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "two")
    test = rng.random(data.n) < 0.3
    data.table["visits"] = np.where(test, np.nan, rng.poisson(4, data.n))
    return data.competition(rng, test=test)


# Data sets without a leak.


def _of_sklearn(rng: Rng, bunch: Any, kind: str) -> Competition:
    table = bunch.data.copy()
    table.columns = [str(column) for column in table.columns]
    target = bunch.target.to_numpy()
    y = target if kind == "values" else np.array([f"c{label}" for label in target])
    return Rows(table, y, kind).competition(rng)


@clean
def breast_cancer(rng: Rng) -> Competition:
    from sklearn.datasets import load_breast_cancer

    return _of_sklearn(rng, load_breast_cancer(as_frame=True), "two")


@clean
def iris(rng: Rng) -> Competition:
    from sklearn.datasets import load_iris

    return _of_sklearn(rng, load_iris(as_frame=True), "many")


@clean
def wine(rng: Rng) -> Competition:
    from sklearn.datasets import load_wine

    return _of_sklearn(rng, load_wine(as_frame=True), "many")


@clean
def diabetes(rng: Rng) -> Competition:
    from sklearn.datasets import load_diabetes

    return _of_sklearn(rng, load_diabetes(as_frame=True), "values")


@clean
def handwritten_digits(rng: Rng) -> Competition:
    from sklearn.datasets import load_digits

    return _of_sklearn(rng, load_digits(as_frame=True), "many")


@clean
def ordinary_values(rng: Rng) -> Competition:
    return rows(rng, size(rng), "values").competition(rng)


@clean
def ordinary_classes(rng: Rng) -> Competition:
    return rows(rng, size(rng), str(rng.choice(["two", "many"]))).competition(rng)


@clean
def strong_predictor_of_values(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "values", noise=0.4, strong=float(rng.uniform(3, 8)))
    return data.competition(rng)


@clean
def strong_predictor_of_classes(rng: Rng) -> Competition:
    kind = str(rng.choice(["two", "many"]))
    return rows(rng, size(rng), kind, noise=0.3, strong=float(rng.uniform(2, 6))).competition(rng)


@clean
def strong_predictor_and_nothing_else(rng: Rng) -> Competition:
    n = size(rng)
    table = pd.DataFrame(rng.normal(size=(n, 5)), columns=list("abcde"))
    y = 4 * table["a"] + rng.normal(size=n)
    return Rows(table, y.to_numpy(), "values").competition(rng)


@clean
def several_measures_of_one_thing(rng: Rng) -> Competition:
    n = size(rng)
    hidden = rng.normal(size=n)
    table = pd.DataFrame({f"m{i}": hidden + 0.2 * rng.normal(size=n) for i in range(6)})
    y = np.where(hidden + 0.2 * rng.normal(size=n) > 0.3, "yes", "no")
    return Rows(table.assign(other=rng.normal(size=n)), y, "two").competition(rng)


@clean
def classes_that_differ_in_each_column(rng: Rng) -> Competition:
    n = size(rng)
    code = rng.integers(0, 2, n)
    table = pd.DataFrame(rng.normal(size=(n, 6)), columns=list("abcdef"))
    table["a"] += rng.uniform(1.5, 3) * code
    table["b"] += code
    table["c"] += 0.7 * code
    return Rows(table, np.where(code == 1, "yes", "no"), "two").competition(rng)


@clean
def slow_columns_in_named_time(rng: Rng) -> Competition:
    n = size(rng)
    drawn = rng.normal(size=(n, 3))
    slow = np.zeros((n, 3))
    for at in range(1, n):
        slow[at] = 0.97 * slow[at - 1] + drawn[at]
    table = pd.DataFrame(slow, columns=list("abc")).assign(step=np.arange(n) * 1.0)
    data = Rows(table, slow[:, 0] - slow[:, 1] + rng.normal(size=n), "values")
    return data.competition(rng, test=np.arange(n) >= 0.7 * n, shuffle=False, time="step")


@clean
def generated_classification(rng: Rng) -> Competition:
    from sklearn.datasets import make_classification

    x, y = make_classification(
        size(rng),
        15,
        n_informative=6,
        n_redundant=3,
        class_sep=float(rng.uniform(0.5, 2.5)),
        random_state=int(rng.integers(1_000_000)),
    )
    table = pd.DataFrame(x).add_prefix("f")
    return Rows(table, np.where(y > 0, "a", "b"), "two").competition(rng)


@clean
def generated_regression(rng: Rng) -> Competition:
    from sklearn.datasets import make_regression

    x, y = make_regression(
        size(rng), 12, n_informative=5, noise=5.0, random_state=int(rng.integers(1_000_000))
    )
    return Rows(pd.DataFrame(x).add_prefix("f"), y, "values").competition(rng)


@clean
def friedman(rng: Rng) -> Competition:
    from sklearn.datasets import make_friedman1

    x, y = make_friedman1(size(rng), noise=0.5, random_state=int(rng.integers(1_000_000)))
    return Rows(pd.DataFrame(x).add_prefix("f"), y, "values").competition(rng)


@clean
def clouds(rng: Rng) -> Competition:
    from sklearn.datasets import make_blobs

    x, y = make_blobs(
        size(rng), 6, centers=4, cluster_std=3.0, random_state=int(rng.integers(1_000_000))
    )
    labels = np.array(list("abcd"))[y]
    return Rows(pd.DataFrame(x).add_prefix("f"), labels, "many").competition(rng)


@clean
def many_levels(rng: Rng) -> Competition:
    data = rows(rng, size(rng), str(rng.choice(["values", "two"])))
    n_levels = data.n // int(rng.integers(2, 8))
    level = (rng.zipf(1.3, data.n) % n_levels).astype(int)
    effect = rng.normal(size=n_levels)[level]
    data.table["shop"] = [f"shop {i}" for i in level]
    if data.kind == "values":
        data.y = data.y + 6 * effect
    return data.competition(rng)


@clean
def random_ids(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "two")
    names = rng.permutation(10**6)[: data.n]
    data.table["id"] = [f"{name:x}-{name % 97}" for name in names]
    data.table["code"] = rng.permutation(data.n) + 5
    return data.competition(rng, id="id")


@clean
def times_without_drift(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "values")
    hours = np.sort(rng.uniform(0, 9000, data.n))
    data.y = data.y + 8 * np.sin(hours / 24 * 2 * np.pi)
    data.table["hour"] = hours % 24
    data.table["when"] = pd.Timestamp("2023-01-01") + pd.to_timedelta(hours, unit="h")
    test = np.arange(data.n) >= 0.7 * data.n
    return data.competition(rng, test=test, shuffle=False)


@clean
def times_that_are_named(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "values")
    slow = pd.Series(rng.normal(size=data.n)).rolling(20, min_periods=1).mean().to_numpy()
    data.table["weather"] = slow
    data.y = data.y + 20 * slow
    data.table["when"] = pd.date_range("2020-01-01", periods=data.n, freq="h")
    test = np.arange(data.n) >= 0.7 * data.n
    return data.competition(rng, test=test, shuffle=False, time="when")


@clean
def groups_that_are_named(rng: Rng) -> Competition:
    data, test = _grouped(rng, "values", "customer")
    traits = rng.normal(size=20_000)
    data.table["trait"] = traits[data.table["customer"]]
    return data.competition(rng, test=test, group="customer", shuffle=False)


@clean
def customers_in_both_parts(rng: Rng) -> Competition:
    data, _ = _grouped(rng, "values", "customer")
    return data.competition(rng)


@clean
def values_missing_honestly(rng: Rng) -> Competition:
    data = rows(rng, size(rng), str(rng.choice(["values", "two"])))
    x2 = data.table["x2"]
    data.table["x3"] = data.table["x3"].mask(x2 > 0.5)
    data.table["x1"] = data.table["x1"].mask(rng.random(data.n) < 0.3)
    return data.competition(rng)


@clean
def skewed_target(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "values")
    data.y = np.exp(rng.standard_t(3, data.n) / 3 + data.y / 10)
    return data.competition(rng)


@clean
def rare_class(rng: Rng) -> Competition:
    data = rows(rng, size(rng, 1500), "values")
    data = Rows(data.table, np.where(data.y > np.quantile(data.y, 0.96), "yes", "no"), "two")
    return data.competition(rng)


@clean
def zeros_in_the_target(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "values")
    data.y = np.where(data.y < 45, 0.0, data.y)
    data.table["x2"] = data.table["x2"].mask(rng.random(data.n) < 0.2)
    return data.competition(rng)


@clean
def a_survey(rng: Rng) -> Competition:
    n = size(rng)
    table = pd.DataFrame(rng.integers(1, 6, size=(n, 5)), columns=[f"q{i}" for i in range(5)])
    score = table.sum(axis=1) + 3 * rng.normal(size=n)
    table["region"] = rng.choice(["north", "south", "east"], n)
    return Rows(table, np.where(score > score.median(), "yes", "no"), "two").competition(rng)


@clean
def many_columns(rng: Rng) -> Competition:
    n = int(rng.integers(400, 900))
    x = rng.normal(size=(n, 250))
    y = x[:, :10].sum(axis=1) + rng.normal(size=n)
    return Rows(pd.DataFrame(x).add_prefix("f"), y, "values").competition(rng)


@clean
def rows_sorted_by_a_column(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "values")
    order = np.argsort(data.table["x0"].fillna(0).to_numpy(), kind="stable")
    data = Rows(data.table.iloc[order].reset_index(drop=True), data.y[order], data.kind)
    return data.competition(rng, shuffle=False)


@clean
def no_test_rows(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "two")
    data.table["shop"] = rng.integers(0, data.n // 5, data.n)
    table = data.table.assign(target=data.y)
    return table_competition(table, target="target", metric="accuracy")


@clean
def texts_with_opinions(rng: Rng) -> Competition:
    data = rows(rng, size(rng), "two")
    good, bad = (
        np.array(["good", "great", "fine", "nice", "happy"]),
        np.array(["bad", "poor", "slow", "sad"]),
    )
    usual = np.array(["the", "it", "was", "a", "and", "with", "for", "this", "in", "house", "of"])
    tone = np.where(data.numeric() == 1, 0.3, 0.12)
    texts = []
    for share in tone:
        drawn = rng.random(25)
        words = np.where(drawn < share, rng.choice(good, 25), rng.choice(usual, 25))
        texts.append(" ".join(np.where(drawn > 0.72 + share, rng.choice(bad, 25), words)))
    data.table["review"] = texts
    return data.competition(rng)


def measure(name: str, seed: int, most_rows: int = MOST_ROWS) -> dict[str, Any]:
    """Check one data set, and say what came of it."""
    build, codes = LEAKS[name] if name in LEAKS else (CLEAN[name], ())
    competition = build(np.random.default_rng([seed, *name.encode()]))
    dataset = competition.load(Path())
    started = time.perf_counter()
    report = check(competition, dataset, most_rows=most_rows)
    told = [finding for finding in report.findings if finding.severity is not Severity.NOTE]
    return {
        "name": name,
        "seed": seed,
        "rows": len(dataset.train_ids),
        "columns": len(list(dataset.train.columns)),  # type: ignore[attr-defined]
        "codes": list(codes),
        "told": sorted({finding.code for finding in told}),
        "caught": any(finding.code in codes for finding in told),
        "texts": [str(finding) for finding in told],
        "failed": dict(report.failed),
        "seconds": round(time.perf_counter() - started, 2),
    }


def stored(path: Path | None) -> dict[tuple[str, int], dict[str, Any]]:
    """Return the results that are there already."""
    if path is None or not path.exists():
        return {}
    found = map(json.loads, path.read_text().splitlines())
    return {(row["name"], row["seed"]): row for row in found}


def measured(
    names: list[str], seeds: range, path: Path | None, most_rows: int
) -> Iterator[dict[str, Any]]:
    """Yield the results of data sets, and keep those that are not there yet."""
    known = stored(path)
    for name in names:
        for seed in seeds:
            row = known.get((name, seed))
            if row is None:
                row = measure(name, seed, most_rows)
                if path is not None:
                    with path.open("a") as file:
                        file.write(json.dumps(row) + "\n")
            yield row


def is_right(row: dict[str, Any]) -> bool:
    """Whether a leak was caught, or no alarm raised."""
    return bool(row["caught"] if row["codes"] else not row["told"])


def summary(results: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of a table: by the check that is expected first, then clean sets."""
    yield "| check | kinds | data sets | caught | missed |\n|---|---|---|---|---|"
    for code in sorted({row["codes"][0] for row in results if row["codes"]}):
        ours = [row for row in results if row["codes"][:1] == [code]]
        missed = sorted({row["name"] for row in ours if not row["caught"]})
        caught, kinds = sum(row["caught"] for row in ours), len({row["name"] for row in ours})
        yield f"| {code} | {kinds} | {len(ours)} | {caught} | {', '.join(missed)} |"
    for planted, text in ((True, "leaks caught"), (False, "clean sets without an alarm")):
        ours = [row for row in results if bool(row["codes"]) is planted]
        if ours:
            yield f"\n{sum(map(is_right, ours))} of {len(ours)} {text}."


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=0, help="Limits were set on 0 to 1004.")
    parser.add_argument("--results", type=Path)
    parser.add_argument("--rows", type=int, default=MOST_ROWS)
    parser.add_argument("--verbose", action="store_true")
    given = parser.parse_args()
    print("| data set | rows | expected | found | seconds | |\n|---|---|---|---|---|---|")
    results = []
    names = given.names or [*LEAKS, *CLEAN]
    seeds = range(given.first, given.first + given.seeds)
    for row in measured(names, seeds, given.results, given.rows):
        results.append(row)
        print(
            f"| {row['name']} {row['seed']} | {row['rows']} | {' or '.join(row['codes'])} | "
            f"{' '.join(row['told'])} | {row['seconds']:.1f} | "
            f"{'' if is_right(row) else 'WRONG'} {row['failed'] or ''}|",
            flush=True,
        )
        if given.verbose:
            print(*(f"    {text}" for text in row["texts"]), sep="\n")
    print(*summary(results), sep="\n")


if __name__ == "__main__":
    main()
