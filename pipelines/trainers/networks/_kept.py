"""Trained networks of one fold, kept as Keras' files, and their predictions."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from comps.base import Array, Features, StoreError
from pipelines.basics.kept_objects import NotKeptError, import_own, numbered
from pipelines.trainers._base import Context
from pipelines.trainers.networks._keras_backend import without_tensorflow
from pipelines.trainers.networks._rows import count_rows, form_of, rows_at_once
from pipelines.trainers.networks._targets import Goal, goal_from

if TYPE_CHECKING:
    import keras

# The weights of the networks of a fold, one list of arrays a copy.
Weights = Sequence[Sequence[Array]]

_GOAL, _STAGES, _STEPS = "target.json", "stages.npz", "steps.json"


def plain(network: keras.Model) -> keras.Model:
    """Return a network without its optimizer, which would make its file three times as large."""
    import keras

    return keras.Model(network.input, network.output)


class NetworkModel:
    """The networks of one fold at some of their stages. See `FoldModel`.

    Args:
        network: returns the network that all copies of all folds share, whose weights are replaced
            before it predicts.
        goal: what makes predictions from outputs.
        weights: of each stage by its step, in the order of `network().weights`.
        last: the last step that was trained, whether its weights are there or not.
    """

    def __init__(
        self,
        network: Callable[[], keras.Model],
        goal: Goal,
        weights: Mapping[int, Weights] | None = None,
        last: int = 0,
    ) -> None:
        self.network, self.goal = network, goal
        self.weights: dict[int, Weights] = dict(weights or {})
        self._last_known = last

    @property
    def last(self) -> int:
        """The last step that was trained."""
        return max([self._last_known, *self.weights])

    def retain(self, steps: Collection[int], last: int) -> None:
        """Forget the weights of other stages. See `FoldModel`."""
        self._last_known = last
        self.weights = {step: own for step, own in self.weights.items() if step in steps}

    def holds(self, step: int) -> bool:
        """See `FoldModel`; training may have ended before the step."""
        return min(step, self.last) in self.weights

    def at(self, step: int) -> NetworkModel:
        """See `FoldModel`."""
        own = min(step, self.last)
        return NetworkModel(self.network, self.goal, {own: self.weights[own]})

    def predict(self, rows: Features) -> Array:
        """Return values or probabilities, [rows] or [rows, ...]. See `FoldModel`."""
        network, outputs = self.network(), []
        for weights in self._last():
            network.set_weights(weights)
            outputs.append(_outputs(network, rows))
        return self.goal.decode(np.stack(outputs))

    def files(self) -> dict[str, bytes]:
        """Return a `.keras` file a copy; arrays too where there is more than one stage."""
        files = {_GOAL: json.dumps(self.goal.to_json()).encode()}
        several = len(self.weights) > 1
        for copy, weights in enumerate(self._last()[:1] if several else self._last()):
            self.network().set_weights(weights)
            files[_network(copy)] = _saved(self.network())
        if several:
            files[_STAGES] = _joined(self.weights)
        files[_STEPS] = json.dumps({"held": sorted(self.weights), "last": self.last}).encode()
        return files

    def _last(self) -> Weights:
        return self.weights[max(self.weights)]


def restored_networks(
    files: Mapping[str, bytes], context: Context, packages: Collection[str]
) -> NetworkModel:
    """Return the networks of a fold from their files.

    Args:
        files: what `NetworkModel.files` returned.
        context: of the run.
        packages: whose modules are imported where layers of theirs are named.

    Raises:
        StoreError: if they are damaged.
    """
    try:
        goal = goal_from(context.task, json.loads(files[_GOAL]))
        # Files of an earlier version do not say it.
        steps = json.loads(files.get(_STEPS, b'{"held": [1], "last": 0}'))
        first = files[_network(0)]
        network = _shared(first, packages)
        if _STAGES in files:
            weights = _divided(files[_STAGES])
        else:
            copies = sorted(name for name in files if name.endswith(".keras"))
            (step,) = steps["held"]
            weights = {step: [_weights(network, files[name]) for name in copies]}
    except Exception as error:  # Keras, h5py, zipfile and json each raise their own
        raise StoreError(f"A kept network cannot be read ({error}).") from error
    return NetworkModel(lambda: network, goal, weights, steps["last"])


# Folds and copies of a model share one network: to build one takes half a second, and so does the
# program that it predicts with.
_networks: OrderedDict[bytes, keras.Model] = OrderedDict()
_MOST_NETWORKS = 4


def _shared(content: bytes, packages: Collection[str]) -> keras.Model:
    """Return a network of the architecture in a file."""
    import keras

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        architecture = archive.read("config.json")
    if architecture not in _networks:
        import_own(_modules(json.loads(architecture)), packages)
        with _written(content) as path, without_tensorflow():
            _networks[architecture] = keras.saving.load_model(path, compile=False)
        while len(_networks) > _MOST_NETWORKS:
            _networks.popitem(last=False)
    _networks.move_to_end(architecture)
    return _networks[architecture]


def _modules(config: object) -> set[str]:
    """Return the modules that a configuration names: Keras finds layers once they are imported."""
    if isinstance(config, dict):
        named = {config["module"]} if isinstance(config.get("module"), str) else set()
        return named.union(*map(_modules, config.values()))
    return set().union(*map(_modules, config)) if isinstance(config, list) else set()


def _weights(network: keras.Model, content: bytes) -> list[Array]:
    with _written(content) as path:
        network.load_weights(path)
    return network.get_weights()  # type: ignore[no-any-return]


def _saved(network: keras.Model) -> bytes:
    """Return the content of a `.keras` file.

    Raises:
        NotKeptError: if a layer has no configuration.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.keras"
        try:
            with without_tensorflow():
                network.save(path)
        except Exception as error:  # whatever the layers of a user raise
            raise NotKeptError(f"Keras cannot save the network ({error})") from error
        return _plain_file(path.read_bytes())


def _plain_file(content: bytes) -> bytes:
    """Return a `.keras` file without moments and addresses: equal networks have equal files."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(written, "w") as new:
        for name in old.namelist():
            own = old.read(name)
            if name == "metadata.json":
                told = json.loads(own)
                told.pop("date_saved", None)
                own = json.dumps(told).encode()
            elif name == "config.json":
                own = numbered(r'("shared_object_id": )(\d+)', own.decode())[0].encode()
            new.writestr(zipfile.ZipInfo(name), own)
    return written.getvalue()


@contextmanager
def _written(content: bytes) -> Iterator[Path]:
    """Give a file of some content within the context; Keras reads no bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.keras"
        path.write_bytes(content)
        yield path


def _network(copy: int) -> str:
    return f"network-{copy:03}.keras"


def _joined(stages: Mapping[int, Weights]) -> bytes:
    buffer = io.BytesIO()
    arrays = {
        f"{step}/{copy}/{place}": array
        for step, copies in stages.items()
        for copy, own in enumerate(copies)
        for place, array in enumerate(own)
    }
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _divided(content: bytes) -> dict[int, Weights]:
    stages: dict[int, list[list[Array]]] = {}
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        # Written stage by stage, copy by copy.
        for name in arrays.files:
            step, copy, _ = map(int, name.split("/"))
            copies = stages.setdefault(step, [])
            if copy == len(copies):
                copies.append([])
            copies[copy].append(arrays[name])
    return dict(stages)


def _outputs(network: keras.Model, rows: Features) -> Array:
    """Return the outputs of a network, [rows, ...]; batches are of one size, as programs are."""
    form, count = form_of(rows), count_rows(rows)
    size = min(rows_at_once(form.shapes(rows)), max(count, 1))
    places = np.arange(-(-count // size) * size)
    places[count:] = 0
    parts = [
        np.asarray(network.predict_on_batch(form.features(rows, batch)))
        for batch in places.reshape(-1, size)
    ]
    return np.concatenate(parts)[:count]
