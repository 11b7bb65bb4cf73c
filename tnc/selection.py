"""Which networks of a file a caller means, and what is wrong with the request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from tnc.diagnostics import Diagnostic
from tnc.diagnostics.suggest import did_you_mean, known_names, listed, nearest
from tnc.options import Options

if TYPE_CHECKING:
    from tnc.ir.program import Program
    from tnc.sema import Library


def choose(library: Library, options: Options) -> tuple[tuple[str, ...], tuple[Diagnostic, ...]]:
    """The chosen networks in source order, and what is wrong with the request.

    These are the network that is named, else every network all of whose parameters have a default or an argument.
    """
    given = [name for name, _ in options.arguments]
    if options.network is None:
        chosen = tuple(network for network in library.networks if not _missing(library, network, given))
    elif options.network not in library.networks:
        return (), (_unknown_network(library, options.network),)
    else:
        chosen = (options.network,)
        if missing := _missing(library, options.network, given):
            known = library.parameters(options.network)
            return (), (
                _lacks_arguments(options.network, missing),
                *_unknown_arguments(library, known, chosen, options),
            )
    known = tuple(dict.fromkeys(name for network in chosen for name in library.parameters(network)))
    return chosen, tuple(_unknown_arguments(library, known, chosen, options))


def nothing_to_compile(library: Library) -> Diagnostic:
    """The diagnostic of a file none of whose networks was chosen: it declares none, or each lacks arguments."""
    name = library.source.name
    if not library.networks:
        return Diagnostic("TN152", f"`{name}` declares no network", help="declare one: `network layer() { … }`")
    network = next(iter(library.networks))
    lacking = " ".join(f"--set {name}=…" for name in _missing(library, network, []))
    message = f"every network of `{name}` needs arguments: {listed(library.networks)}"
    return Diagnostic("TN004", message, help=f"complete one, as in `--network {network} {lacking}`")


def several_networks(names: Iterable[str], ways_out: Iterable[str]) -> Diagnostic:
    """The diagnostic of a request for one network that several meet; ``ways_out`` are options that choose one."""
    help_text = f"give {' or '.join(f'`{way}`' for way in ways_out)}"
    return Diagnostic("TN003", f"several networks could be meant: {listed(names)}", help=help_text)


def unknown_sizes(programs: Iterable[Program], options: Options) -> Iterator[Diagnostic]:
    """A diagnostic for each size that belongs to no dynamic dimension of the chosen networks."""
    dynamic = {dim for program in programs for given in program.inputs for dim in given.shape if isinstance(dim, str)}
    for name, _ in options.sizes:
        if name not in dynamic:
            help_text = known_names("dynamic dimension", name, sorted(dynamic))
            message = f"unknown dynamic dimension `{name}`"
            yield Diagnostic("TN007", message, help=help_text or "no chosen network has a dynamic dimension")


def _missing(library: Library, network: str, given: list[str]) -> list[str]:
    parameters = library.networks[network].parameters
    return [p.name for p in parameters if p.default is None and p.name not in given]


def _unknown_network(library: Library, name: str) -> Diagnostic:
    message = f"`{library.source.name}` declares no network `{name}`"
    return Diagnostic("TN002", message, help=known_names("network", name, library.networks))


def _lacks_arguments(network: str, missing: list[str]) -> Diagnostic:
    message = f"network `{network}` lacks {listed(missing)}, which {'has' if len(missing) == 1 else 'have'} no default"
    return Diagnostic("TN004", message, help=f"give {' '.join(f'`--set {name}=…`' for name in missing)}")


def _unknown_arguments(
    library: Library, known: tuple[str, ...], chosen: tuple[str, ...], options: Options
) -> Iterator[Diagnostic]:
    """A diagnostic for each argument that no chosen network takes: misspelt, bound elsewhere, or meant as an option."""
    one = len(chosen) == 1
    networks = f"network `{chosen[0]}`" if one else "the chosen networks"
    for name, _ in options.arguments:
        if name in known:
            continue
        help_text = library.binding_place(chosen, name)
        if help_text is None:
            meant = nearest(name, (*known, *options.neighbours))
            if meant in options.neighbours and meant not in known:
                help_text = f"did you mean the option `{meant}`?"
            else:
                parameters = listed(known) if known else "no parameters"
                help_text = did_you_mean(name, known) or f"{networks} {'has' if one else 'have'} {parameters}"
        yield Diagnostic("TN006", f"unknown parameter `{name}` of {networks}", help=help_text)
