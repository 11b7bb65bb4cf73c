"""Backends by name: ours from a table of import paths, anyone else's from the entry points of installed packages."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import Protocol, runtime_checkable

from tnc.cost import Target
from tnc.diagnostics import CompileError, Diagnostic
from tnc.diagnostics.suggest import did_you_mean
from tnc.ir.schedule import Plan
from tnc.ir.traits import Traits

ENTRY_POINTS = "tnc.backends"
"""The entry-point group: each names a callable without arguments that gives an :class:`Emitter`."""


@runtime_checkable
class Emitter(Protocol):
    """A backend: a plan becomes the text of a stand-alone module.

    It may declare its ``traits``, a :class:`~tnc.ir.traits.Traits` that plans are made for; else it is planned for as
    eager PyTorch is.
    """

    def emit(self, plan: Plan) -> str:
        """The text; a CompileError (TN5xx) names everything in the plan that the backend cannot express."""
        ...


BACKENDS: MappingProxyType[str, str] = MappingProxyType(
    {
        "torch": "tnc.backends.torch_source:TorchEmitter",
        "jax": "tnc.backends.jax_source:JaxEmitter",
        "numpy": "tnc.backends.numpy_source:NumpyEmitter",
    }
)
"""The backends that come with the compiler, none of which is imported before it is asked for."""


def emitter(name: str) -> Emitter:
    """The backend of this name.

    Raises:
        CompileError: if there is none, several packages offer one, or it does not load.
    """
    path = BACKENDS.get(name) or _plugin(name)
    module, _, attribute = path.partition(":")
    try:
        found = getattr(import_module(module), attribute)()
    except Exception as error:
        raise _refusal(
            f"the backend `{name}` (`{path}`) does not load: {type(error).__name__}: {error}",
            "repair or uninstall the package that provides it",
        ) from error
    if not isinstance(found, Emitter):
        raise _refusal(f"the backend `{name}` (`{path}`) has no method `emit`", "see `tnc.codegen.Emitter`")
    return found


def target(backend: str, device: str | None) -> Target:
    """What plans are made for: a backend on a device, the generic one if None.

    Raises:
        CompileError: as :func:`emitter`; TN020 if the device is unknown, TN021 if its profile is broken.
    """
    found = emitter(backend)
    traits = getattr(found, "traits", Traits())
    if not isinstance(traits, Traits):
        raise _refusal(
            f"the backend `{backend}` declares traits of the wrong type: {type(traits).__name__}",
            "`traits` of its emitter must be a `tnc.ir.traits.Traits`",
        )
    return Target(backend, traits=traits).on(device)


def _plugin(name: str) -> str:
    """The import path of a backend that an installed package offers."""
    from importlib.metadata import entry_points

    group = entry_points(group=ENTRY_POINTS)
    offers = sorted({point.value for point in group if point.name == name})
    if not offers:
        known = sorted({*BACKENDS, *group.names})
        there = f"there are {', '.join(f'`{each}`' for each in known)}"
        raise _refusal(f"there is no backend `{name}`", did_you_mean(name, known) or there)
    if len(offers) > 1:
        listed = ", ".join(f"`{offer}`" for offer in offers)
        raise _refusal(f"several packages offer a backend `{name}`: {listed}", "uninstall all but one of them")
    return offers[0]


def _refusal(message: str, advice: str) -> CompileError:
    return CompileError((Diagnostic("TN010", message, help=advice),))
