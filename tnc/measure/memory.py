"""Bytes that eager torch keeps for the backward pass, and bytes that it holds at its peak."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    Run = Callable[[], Sequence[torch.Tensor]]


def saved_bytes(forward: Run, given: Sequence[torch.Tensor]) -> int:
    """The storages that autograd keeps for the backward pass, without those of parameters, buffers and inputs."""
    import torch

    known = {tensor.untyped_storage().data_ptr() for tensor in given}
    kept: dict[int, torch.Tensor] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.untyped_storage().data_ptr() not in known:
            kept.setdefault(tensor.untyped_storage().data_ptr(), tensor)
        return tensor

    def unpack(tensor: torch.Tensor) -> torch.Tensor:
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
        results = forward()
    total = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    # The results keep their storages alive until here, so that no address is given out twice.
    del results
    return total


def peak_bytes(forward: Run, cotangents: Sequence[torch.Tensor]) -> int:
    """The most bytes allocated at once in forward and backward, by the allocator's own events.

    Parameters and inputs are there before and do not count; gradients of parameters must not be there yet. The
    cotangents are allocated inside and belong to autograd alone, as the gradient of a loss does. Results live to the
    end.
    """
    import torch

    run: Any = torch.autograd.backward
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        results = forward()
        starts: list[torch.Tensor] = []
        trained: list[torch.Tensor] = []
        for result, cotangent in zip(results, cotangents, strict=True):
            if result.requires_grad:
                replacing(result, cotangent)
                trained.append(result)
                starts.append(torch.zeros((), dtype=result.dtype).expand(result.shape))
        if trained:
            run(trained, starts)
        del results, starts, trained
    return _peak(profile)


def replacing(result: torch.Tensor, cotangent: torch.Tensor) -> None:
    """Let the backward pass start from a copy of a cotangent that only autograd holds."""
    register: Callable[[Callable[[torch.Tensor], torch.Tensor]], object] = getattr(result, "register_hook")  # noqa: B009  untyped in torch

    def hook(_: torch.Tensor) -> torch.Tensor:
        return cotangent.clone()

    register(hook)


def _peak(profile: Any) -> int:
    """The highest running sum of allocations and deallocations."""
    pending: list[Any] = list(profile.profiler.kineto_results.experimental_event_tree())
    changes: list[tuple[int, int]] = []
    while pending:
        event = pending.pop()
        pending += event.children
        if str(event.tag).endswith("Allocation"):
            changes.append((event.start_time_ns, event.extra_fields.alloc_size))
    live = peak = 0
    for _, change in sorted(changes, key=lambda item: item[0]):
        live += change
        peak = max(peak, live)
    return peak
