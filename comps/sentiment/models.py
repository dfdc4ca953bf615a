"""The model zoo: that of any texts, and the book's networks of sequences."""

from __future__ import annotations

from comps.base import Family, Model, Task
from comps.baselines import class_share
from comps.kinds.text import networks, text_models
from comps.kinds.text.features import glove_inputs
from comps.kinds.text.zoo import sequence_network

MODELS = (
    Model(
        "class-share",
        Family.BASELINE,
        "sklearn",
        build=class_share,
        seconds=0.1,
        about="the share of good reviews: what every model has to beat",
    ),
    *text_models(Task.BINARY, 2, 1),
    sequence_network(
        "lstm-one-hot", networks.one_hot_lstm, 10, {"units": 32}, 300.0, "one-hot words"
    ),
    sequence_network(
        "lstm",
        networks.embedded_lstm,
        10,
        {"width": 256, "mask": False, "units": 32},
        300.0,
        "embedded words into an LSTM in both directions",
    ),
    sequence_network(
        "lstm-masked",
        networks.embedded_lstm,
        10,
        {"width": 256, "mask": True, "units": 32},
        300.0,
        "the same, which passes over padding",
    ),
    sequence_network(
        "glove",
        networks.glove_lstm,
        10,
        {"file": "glove.6B.100d.txt", "units": 32},
        100.0,
        "the same with GloVe's vectors, from a file that you have",
        glove_inputs,
    ),
    sequence_network(
        "transformer",
        networks.transformer,
        20,
        {"width": 256, "inner": 32, "heads": 2, "positions": False},
        600.0,
        "a Transformer encoder",
    ),
    sequence_network(
        "transformer-positions",
        networks.transformer,
        20,
        {"width": 256, "inner": 32, "heads": 2, "positions": True},
        600.0,
        "a Transformer encoder that knows the places of words",
    ),
)
