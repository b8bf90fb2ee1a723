"""The NVIDIA GPUs of this machine, where there are any and `nvidia-ml-py` is installed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

Read = Callable[[], dict[str, float]]


@cache
def reader() -> Read:
    """Return what reads load, memory and power of each GPU; it reads nothing where there is none.

    Names are those of MLflow's own monitor. A GPU is read whole: whoever else uses it is in it.
    """
    try:
        import pynvml  # type: ignore[import-not-found]
    except ImportError:
        return dict
    try:
        pynvml.nvmlInit()
        found = [pynvml.nvmlDeviceGetHandleByIndex(n) for n in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError:  # no driver, no device, or no right to ask
        return dict

    def read() -> dict[str, float]:
        return {
            f"gpu_{number}_{name}": value
            for number, gpu in enumerate(found)
            for name, value in _of(pynvml, gpu).items()
        }

    return read


def _of(nvml: object, gpu: object) -> dict[str, float]:
    """Return what one GPU tells; some do not measure their power, and a lost one tells nothing."""
    asked: dict[str, Callable[[], float]] = {
        "utilization_percentage": lambda: nvml.nvmlDeviceGetUtilizationRates(gpu).gpu,  # type: ignore[attr-defined]
        "memory_usage_megabytes": lambda: nvml.nvmlDeviceGetMemoryInfo(gpu).used / 1e6,  # type: ignore[attr-defined]
        "power_usage_watts": lambda: nvml.nvmlDeviceGetPowerUsage(gpu) / 1e3,  # type: ignore[attr-defined]
    }
    told = {}
    for name, ask in asked.items():
        try:
            told[name] = float(ask())
        except nvml.NVMLError:  # type: ignore[attr-defined]
            continue
    return told
