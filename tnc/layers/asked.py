"""What a caller asks of a layer: a template, with options that the call decides where they are None."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, cast

from tnc.api import expected
from tnc.layers.template import Template, make_template


class Asked:
    """A template with options. Subclasses name their options, the attributes beside ``template``, in ``OPTIONS``."""

    __slots__ = ("template",)

    OPTIONS: ClassVar[tuple[str, ...]] = ()

    def __init__(self, network: str, args: Mapping[str, object] | None, arguments: Mapping[str, object]) -> None:
        """Take the network and its arguments, given as a mapping and as keywords.

        Raises:
            TypeError: if the network is not a string, or an argument is given twice.
        """
        if not isinstance(cast("object", network), str):
            raise expected("the first argument", 'a topology or a file, such as `"attn"` or `"mine.tn:fc2"`', network)
        twice = [name for name in args or {} if name in arguments]
        if twice:
            raise TypeError(f"the argument `{twice[0]}` is given twice: as a keyword and in `args`")
        self.template: Template = make_template(network, {**arguments, **(args or {})})

    def __repr__(self) -> str:
        """The call that makes it."""
        options = [(name, getattr(self, name)) for name in self.OPTIONS]
        given = [*((name, value) for name, value in options if value is not None), *self.template.arguments]
        shown = [repr(self.template.network), *(f"{name}={value!r}" for name, value in given)]
        return f"{type(self).__name__}({', '.join(shown)})"

    def _key(self) -> tuple[object, ...]:
        return (type(self), self.template, *(getattr(self, name) for name in self.OPTIONS))

    def __eq__(self, other: object) -> bool:
        """Whether both ask for the same."""
        return isinstance(other, Asked) and self._key() == other._key()

    def __hash__(self) -> int:
        """Equal values have equal hashes."""
        return hash(self._key())
