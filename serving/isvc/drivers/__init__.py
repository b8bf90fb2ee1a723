"""How one rollout step becomes a change of the InferenceService: pure functions from view to spec.

KServe splits traffic in two ways, and each is ignored or refused in the other's mode. Both drivers
obey `Driver`; `ServiceDriver` asks the service which of them it is.
"""

from serving.isvc.drivers.chosen import ServiceDriver, driver_for
from serving.isvc.drivers.knative import KnativeDriver
from serving.isvc.drivers.protocol import Asked, Driver, Spec
from serving.isvc.drivers.standard import StandardDriver

__all__ = [
    "Asked",
    "Driver",
    "KnativeDriver",
    "ServiceDriver",
    "Spec",
    "StandardDriver",
    "driver_for",
]
