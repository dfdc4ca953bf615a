"""Cores and accelerators of this machine, found without importing a library for networks."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

Environment = Mapping[str, str]

# What a process without an accelerator is started with.
WITHOUT: Environment = {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}

# What a process is started with that divides each batch among all accelerators it sees. Gradients
# are added up in another order then, which changes the last bits: never without being asked.
DIVIDED: Environment = {"COMPS_DATA_PARALLEL": "1"}

_CUDA = ("jax_cuda13_plugin", "jax_cuda12_plugin")
# Cards of AMD and TPUs belong to one process, which uses the first unless batches are divided.
_OTHERS: Mapping[str, str] = {"/dev/kfd": "jax_rocm7_plugin", "/dev/accel0": "libtpu"}


def available_cores() -> list[int]:
    """Return the numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def described() -> dict[str, str]:
    """Return what this machine is, in words by name; what cannot be told is left out.

    >>> "cores" in described()
    True
    """
    found = {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": str(len(available_cores())),
        "memory": _memory(),
        "accelerators": str(len(accelerators())),
    }
    return {name: value for name, value in found.items() if value}


def _processor() -> str:
    return _told_of_processor("model name").partition(":")[2].strip() or platform.processor()


def instructions() -> str:
    """Return what tells processors apart that cannot run each other's compiled programs."""
    # On x86, and on ARM.
    told = _told_of_processor("flags", "Features") or platform.processor()
    return f"{platform.machine()} {told}"


def _told_of_processor(*names: str) -> str:
    """Return the first line of one of these names in `/proc/cpuinfo`; an empty text without."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return next((line for line in lines if line.startswith(names)), "")


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB"
    except (AttributeError, OSError, ValueError):
        return ""


def accelerators(together: bool = False, devices: Path = Path("/dev")) -> list[Environment]:
    """Return the environment of each process that should own an accelerator of JAX.

    JAX is not asked: that would take a second, and a part of a card's memory in this process.

    Args:
        together: whether one process should own all of them and divide each batch among them.
        devices: where the system shows its hardware.

    Returns:
        One environment a process; none where JAX would run on the CPU.
    """
    if os.environ.get("JAX_PLATFORMS", "").split(",")[0] == "cpu":
        return []
    cards = _cards(devices)
    if cards and not together:
        return [{"CUDA_VISIBLE_DEVICES": card} for card in cards]
    found = (
        (devices / Path(path).name).exists() and find_spec(plugin) is not None
        for path, plugin in _OTHERS.items()
    )
    return [DIVIDED if together else {}] if cards or any(found) else []


def _cards(devices: Path) -> list[str]:
    """Return the NVIDIA cards that JAX would see, as CUDA_VISIBLE_DEVICES names them."""
    if not any(find_spec(plugin) is not None for plugin in _CUDA):
        return []
    numbers = (path.name.removeprefix("nvidia") for path in devices.glob("nvidia*"))
    present = sorted((number for number in numbers if number.isdigit()), key=int)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if not present or visible is None:
        return present
    return [card.strip() for card in visible.split(",") if card.strip() not in ("", "-1")]
