"""Descriptions of the columns of the Ames housing table, which the transformers read.

Source: the data description that Dean De Cock published with the data ("Ames, Iowa: Alternative
to the Boston Housing Data", Journal of Statistics Education 19(3), 2011).

The file writes ``NA`` for two things. In NONE_COLUMNS it means that the house has no such thing
(no alley, no basement, no garage, no pool). In every other column it means that the value is
unknown: LotFrontage, MasVnrArea, GarageYrBlt of a house with a garage, Electrical, MSZoning, ...
MasVnrType is both: its ``NA`` means none unless MasVnrArea is unknown too.
"""

NONE = "none"
MISSING = "NA"

# NA = the house has none.
NONE_COLUMNS: tuple[str, ...] = (
    "Alley",
    "MasVnrType",
    "BsmtQual",
    "BsmtCond",
    "BsmtExposure",
    "BsmtFinType1",
    "BsmtFinType2",
    "FireplaceQu",
    "GarageType",
    "GarageFinish",
    "GarageQual",
    "GarageCond",
    "PoolQC",
    "Fence",
    "MiscFeature",
)

# Columns whose levels have an order, worst first. The position is the number; none is always 0,
# so a scale of a thing that each house has (ExterQual) starts at 1 with its worst level.
_GRADES: dict[str, int] = {NONE: 0, "Po": 1, "Fa": 2, "TA": 3, "Gd": 4, "Ex": 5}
_FINISH: dict[str, int] = {
    NONE: 0, "Unf": 1, "LwQ": 2, "Rec": 3, "BLQ": 4, "ALQ": 5, "GLQ": 6,
}  # fmt: skip
ORDERED: dict[str, dict[str, int]] = {
    "ExterQual": _GRADES,
    "ExterCond": _GRADES,
    "BsmtQual": _GRADES,
    "BsmtCond": _GRADES,
    "HeatingQC": _GRADES,
    "KitchenQual": _GRADES,
    "FireplaceQu": _GRADES,
    "GarageQual": _GRADES,
    "GarageCond": _GRADES,
    "PoolQC": _GRADES,
    "BsmtFinType1": _FINISH,
    "BsmtFinType2": _FINISH,
    "BsmtExposure": {NONE: 0, "No": 1, "Mn": 2, "Av": 3, "Gd": 4},
    "GarageFinish": {NONE: 0, "Unf": 1, "RFn": 2, "Fin": 3},
    "Functional": {
        "Sal": 1, "Sev": 2, "Maj2": 3, "Maj1": 4, "Mod": 5, "Min2": 6, "Min1": 7, "Typ": 8,
    },
    "LotShape": {"IR3": 1, "IR2": 2, "IR1": 3, "Reg": 4},
    "LandSlope": {"Sev": 1, "Mod": 2, "Gtl": 3},
    "PavedDrive": {"N": 1, "P": 2, "Y": 3},
    "Utilities": {"ELO": 1, "NoSeWa": 2, "NoSewr": 3, "AllPub": 4},
    "CentralAir": {"N": 0, "Y": 1},
    "Street": {"Grvl": 0, "Pave": 1},
    "Electrical": {"Mix": 1, "FuseP": 2, "FuseF": 3, "FuseA": 4, "SBrkr": 5},
}  # fmt: skip

# A column of ORDERED says "none" although this other column says that the thing is there: then
# the level is unknown, not none.
THING_OF: dict[str, str] = {
    "BsmtQual": "TotalBsmtSF",
    "BsmtCond": "TotalBsmtSF",
    "BsmtExposure": "TotalBsmtSF",
    "BsmtFinType1": "TotalBsmtSF",
    "BsmtFinType2": "BsmtFinSF2",
    "FireplaceQu": "Fireplaces",
    "GarageFinish": "GarageArea",
    "GarageQual": "GarageArea",
    "GarageCond": "GarageArea",
    "PoolQC": "PoolArea",
}

# Levels without an order. MSSubClass is a code of the kind of dwelling, written as a number.
CATEGORIES: tuple[str, ...] = (
    "MSSubClass",
    "MSZoning",
    "Alley",
    "LandContour",
    "LotConfig",
    "Neighborhood",
    "Condition1",
    "Condition2",
    "BldgType",
    "HouseStyle",
    "RoofStyle",
    "RoofMatl",
    "Exterior1st",
    "Exterior2nd",
    "MasVnrType",
    "Foundation",
    "Heating",
    "GarageType",
    "Fence",
    "MiscFeature",
    "SaleType",
    "SaleCondition",
)

# Exterior2nd spells three materials otherwise than Exterior1st.
SPELLINGS: dict[str, str] = {"Wd Shng": "WdShing", "CmentBd": "CemntBd", "Brk Cmn": "BrkComm"}

NUMBERS: tuple[str, ...] = (
    "LotFrontage",
    "LotArea",
    "OverallQual",
    "OverallCond",
    "YearBuilt",
    "YearRemodAdd",
    "MasVnrArea",
    "BsmtFinSF1",
    "BsmtFinSF2",
    "BsmtUnfSF",
    "TotalBsmtSF",
    "1stFlrSF",
    "2ndFlrSF",
    "LowQualFinSF",
    "GrLivArea",
    "BsmtFullBath",
    "BsmtHalfBath",
    "FullBath",
    "HalfBath",
    "BedroomAbvGr",
    "KitchenAbvGr",
    "TotRmsAbvGrd",
    "Fireplaces",
    "GarageYrBlt",
    "GarageCars",
    "GarageArea",
    "WoodDeckSF",
    "OpenPorchSF",
    "EnclosedPorch",
    "3SsnPorch",
    "ScreenPorch",
    "PoolArea",
    "MiscVal",
    "MoSold",
    "YrSold",
)

# All 79 columns, in the order of the competition's files.
RAW_COLUMNS: tuple[str, ...] = (
    "MSSubClass", "MSZoning", "LotFrontage", "LotArea", "Street", "Alley", "LotShape",
    "LandContour", "Utilities", "LotConfig", "LandSlope", "Neighborhood", "Condition1",
    "Condition2", "BldgType", "HouseStyle", "OverallQual", "OverallCond", "YearBuilt",
    "YearRemodAdd", "RoofStyle", "RoofMatl", "Exterior1st", "Exterior2nd", "MasVnrType",
    "MasVnrArea", "ExterQual", "ExterCond", "Foundation", "BsmtQual", "BsmtCond", "BsmtExposure",
    "BsmtFinType1", "BsmtFinSF1", "BsmtFinType2", "BsmtFinSF2", "BsmtUnfSF", "TotalBsmtSF",
    "Heating", "HeatingQC", "CentralAir", "Electrical", "1stFlrSF", "2ndFlrSF", "LowQualFinSF",
    "GrLivArea", "BsmtFullBath", "BsmtHalfBath", "FullBath", "HalfBath", "BedroomAbvGr",
    "KitchenAbvGr", "KitchenQual", "TotRmsAbvGrd", "Functional", "Fireplaces", "FireplaceQu",
    "GarageType", "GarageYrBlt", "GarageFinish", "GarageCars", "GarageArea", "GarageQual",
    "GarageCond", "PavedDrive", "WoodDeckSF", "OpenPorchSF", "EnclosedPorch", "3SsnPorch",
    "ScreenPorch", "PoolArea", "PoolQC", "Fence", "MiscFeature", "MiscVal", "MoSold", "YrSold",
    "SaleType", "SaleCondition",
)  # fmt: skip
