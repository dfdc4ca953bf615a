"""Domain features, as a valuer would compute them from the columns. Nothing here is learned."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd


def add_domain_features(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with totals, ages, and quality times area added."""
    t = table
    new: dict[str, pd.Series] = {}
    new["TotalSF"] = t["GrLivArea"] + t["TotalBsmtSF"]
    new["FinishedSF"] = t["GrLivArea"] + t["BsmtFinSF1"] + t["BsmtFinSF2"]
    new["WeightedSF"] = (
        t["GrLivArea"] + 0.5 * (t["BsmtFinSF1"] + t["BsmtFinSF2"]) + 0.25 * t["BsmtUnfSF"]
        + 0.3 * t["GarageArea"]
    )  # fmt: skip
    new["PorchSF"] = t["OpenPorchSF"] + t["EnclosedPorch"] + t["3SsnPorch"] + t["ScreenPorch"]
    new["OutdoorSF"] = new["PorchSF"] + t["WoodDeckSF"]
    new["Baths"] = t["FullBath"] + t["BsmtFullBath"] + 0.5 * (t["HalfBath"] + t["BsmtHalfBath"])
    new["Age"] = (t["YrSold"] - t["YearBuilt"]).clip(lower=0)
    new["YearsSinceWork"] = (t["YrSold"] - t["YearRemodAdd"]).clip(lower=0)
    new["GarageAge"] = (t["YrSold"] - t["GarageYrBlt"]).clip(lower=0)
    new["Remodelled"] = (t["YearRemodAdd"] > t["YearBuilt"]).astype(float)
    new["NewHouse"] = (t["YrSold"] <= t["YearBuilt"] + 1).astype(float)
    new["MonthsSold"] = 12 * (t["YrSold"] - 2006) + t["MoSold"]
    new["SaleSeason"] = np.cos(2 * np.pi * (t["MoSold"] - 6) / 12)
    new["QualTotalSF"] = t["OverallQual"] * new["TotalSF"]
    new["QualGrLivArea"] = t["OverallQual"] * t["GrLivArea"]
    new["QualCond"] = t["OverallQual"] * t["OverallCond"]
    new["BsmtGradeSF"] = t["BsmtQual"] * t["TotalBsmtSF"]
    new["BsmtFinishSF"] = t["BsmtFinType1"] * t["BsmtFinSF1"] + t["BsmtFinType2"] * t["BsmtFinSF2"]
    new["GarageGradeSF"] = t["GarageFinish"] * t["GarageArea"]
    new["FireplaceGrade"] = t["Fireplaces"] * t["FireplaceQu"]
    new["Grades"] = (
        t["OverallQual"] / 2 + t["ExterQual"] + t["KitchenQual"] + t["BsmtQual"] + t["HeatingQC"]
    )
    new["Conditions"] = t["OverallCond"] / 2 + t["ExterCond"] + t["BsmtCond"] + t["GarageCond"]
    new["RoomSF"] = t["GrLivArea"] / t["TotRmsAbvGrd"].clip(lower=1)
    new["LivingPerLot"] = t["GrLivArea"] / t["LotArea"].clip(lower=1)
    new["BathsPerBedroom"] = new["Baths"] / (t["BedroomAbvGr"].clip(lower=0) + 1)
    for name, part in {
        "HasBasement": "TotalBsmtSF", "HasGarage": "GarageArea", "HasFireplace": "Fireplaces",
        "HasSecondFloor": "2ndFlrSF", "HasDeck": "WoodDeckSF", "HasPorch": "OpenPorchSF",
        "HasVeneer": "MasVnrArea", "HasPool": "PoolArea", "HasScreenPorch": "ScreenPorch",
    }.items():  # fmt: skip
        new[name] = (t[part] > 0).astype(float)
    near = t["Condition1"] + " " + t["Condition2"]
    pairs = near.unique()
    for name, pattern in {"NearRoad": "Artery|Feedr", "NearRail": "RR", "NearPark": "Pos"}.items():
        # Few pairs, many rows: a pattern is looked for once a pair.
        new[name] = near.map({pair: float(len(re.findall(pattern, pair))) for pair in pairs})
    return pd.concat([t, pd.DataFrame(new, index=t.index)], axis=1)
