"""What a network costs, as values: the numbers behind the terminal's table and the JSON."""

from __future__ import annotations

from dataclasses import dataclass

from tnc.ir.schedule import Prediction
from tnc.report.columns import Json, to_json
from tnc.report.regions import REGION_COLUMNS, RegionRow, summable


@dataclass(frozen=True, slots=True)
class OutputRow:
    """An output: its shape after cropping, at the sizes of the report; ``std`` as in :class:`RegionRow`."""

    name: str
    shape: tuple[int, ...]
    elements: int
    std: float | None


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What belongs to no region: steps that only copy, for views and for outputs, forward and backward.

    Seconds of a training step: ``permutations`` are the copies themselves, ``calls`` the overhead of their calls and
    views, ``allocation`` new memory for them. ``bytes`` are read and written in the forward pass, ``bytes_training`` in
    both passes.
    """

    permutations: float = 0.0
    calls: float = 0.0
    allocation: float = 0.0
    bytes: int = 0
    bytes_training: int = 0

    @property
    def seconds(self) -> dict[str, float]:
        """The seconds by the keys of the JSON."""
        return {"permutations": self.permutations, "calls": self.calls, "allocation": self.allocation}


@dataclass(frozen=True, slots=True)
class NetworkReport:
    """The report on one network. Sizes in elements or bytes; a multiply-add is two FLOPs.

    ``parameters`` counts trainable entries; ``compression`` is elements over parameters, None with inputs;
    ``input_grads`` says whether training counts gradients of the ``inputs``, False if there are none. ``trains`` says
    that there is a backward pass. Seconds are ``predicted`` for a target; those of the regions and of ``elsewhere`` add
    up to those of training. Likewise FLOPs of the regions, and bytes read and written.
    """

    name: str
    arguments: tuple[tuple[str, str], ...]
    sizes: tuple[tuple[str, int], ...]
    dtype: str
    core_dtypes: tuple[str, ...]
    inputs: int
    input_grads: bool
    digest: str
    cores: int
    parameters: int
    frozen: int
    outputs: tuple[OutputRow, ...]
    compression: float | None
    flops_forward: int
    flops_training: int
    bytes_parameters: int
    bytes_saved: int
    bytes_peak_forward: int
    bytes_peak_training: int
    largest_intermediate: int
    predicted: Prediction
    trains: bool
    regions: tuple[RegionRow, ...]
    elsewhere: Elsewhere
    notes: tuple[str, ...]

    @property
    def seconds_forward(self) -> float:
        """Predicted seconds of the forward pass."""
        return self.predicted.forward

    @property
    def seconds_training(self) -> float:
        """Predicted seconds of a training step, without the optimizer."""
        return self.predicted.training

    @property
    def traffic(self) -> tuple[int, int]:
        """Bytes read and written, in the forward pass and in both passes."""
        forward = sum(region.bytes for region in self.regions) + self.elsewhere.bytes
        return forward, sum(region.bytes_training for region in self.regions) + self.elsewhere.bytes_training

    def to_dict(self) -> dict[str, Json]:
        """The network's entry in the JSON report."""
        time = self.predicted
        return {
            "name": self.name,
            "arguments": {name: _json_value(text) for name, text in self.arguments},
            "sizes": dict(self.sizes),
            "dtype": self.dtype,
            "inputs": self.inputs,
            "input_grads": self.input_grads,
            "digest": self.digest,
            "cores": self.cores,
            "parameters": self.parameters,
            "frozen": self.frozen,
            "outputs": [_output(output) for output in self.outputs],
            "compression": self.compression,
            "flops": {"forward": self.flops_forward, "training": self.flops_training},
            "bytes": {
                "parameters": self.bytes_parameters,
                "saved": self.bytes_saved,
                "peak_forward": self.bytes_peak_forward,
                "peak_training": self.bytes_peak_training,
            },
            "largest_intermediate": self.largest_intermediate,
            "backend": time.backend,
            "device": {"name": time.device, "digest": time.digest, "backend": time.measured_with},
            "traffic": dict(zip(("forward", "training"), self.traffic, strict=True)),
            "seconds": {"forward": summable(time.forward), "training": summable(time.training)},
            "regions": [to_json(REGION_COLUMNS, region) for region in self.regions],
            "elsewhere": {name: summable(seconds) for name, seconds in self.elsewhere.seconds.items()},
            "elsewhere_bytes": {"forward": self.elsewhere.bytes, "training": self.elsewhere.bytes_training},
            "notes": list(self.notes),
        }


def _output(output: OutputRow) -> dict[str, Json]:
    return {"name": output.name, "shape": list(output.shape), "elements": output.elements, "std": output.std}


def _json_value(text: str) -> Json:
    """A value of the language as JSON: the two agree on all but functions, which go by name."""
    import json

    try:
        value: Json = json.loads(text)
    except ValueError:
        return text
    return value
