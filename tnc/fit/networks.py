"""Which network a caller of ``tnc fit`` means: one of a file, or a template bound to the target's shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tnc import driver
from tnc.api import Network
from tnc.layers.template import SHAPE, Template, weight_network
from tnc.options import Options
from tnc.source import Source


def is_file_name(name: str) -> bool:
    """Whether a name is that of a ``.tn`` file, or ``-``; every other is a topology or a file with a network."""
    return name == "-" or name.endswith(".tn")


def network_of_template(name: str, options: Options, shape: Sequence[int]) -> Network:
    """The network of a topology such as ``attn``, or of ``mine.tn:fc2``, whose output has this shape."""
    bare = replace(options, network=None, arguments=())
    return weight_network(Template(name, options.arguments), shape, options=bare)


def network_of_file(source: Source, options: Options, shape: Sequence[int]) -> Network:
    """The one network of a file that is meant; a parameter ``shape`` that has no value is that of the target."""
    from tnc import sema

    library, _ = sema.load(source, options.limits)
    chosen = [options.network] if options.network in library.networks else list(library.networks)
    given = dict(options.arguments)
    if SHAPE not in given and all(SHAPE in library.parameters(str(name)) for name in chosen):
        options = replace(options, arguments=(*options.arguments, (SHAPE, tuple(shape))))
    elaborated = driver.elaborate(source, options)
    return Network(driver.only(elaborated, "--network NAME"), options, elaborated.warnings)
