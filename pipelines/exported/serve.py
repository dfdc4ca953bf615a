"""Serve the predictions of this folder.

    uvicorn serve:app

POST rows as a list of JSON objects to /predict; the answer is a list of the same length.
"""

from typing import Any

import pandas as pd
from fastapi import FastAPI, HTTPException
from predict import predict

app = FastAPI(title="Predictions")


@app.post("/predict")
def predict_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the prediction of each row, in their order."""
    try:
        found: list[dict[str, Any]] = predict(pd.DataFrame(rows)).to_dict("records")
    except ValueError as error:
        raise HTTPException(422, str(error)) from error
    return found
