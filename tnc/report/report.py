"""The report on several networks, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tnc.report.columns import Json
from tnc.report.model import NetworkReport
from tnc.report.summary import summary_table
from tnc.report.text import network_lines


@dataclass(frozen=True, slots=True)
class Report:
    """What one or several networks cost; ``str()`` is what the terminal shows, ``to_dict()`` the JSON."""

    networks: tuple[NetworkReport, ...]

    def __str__(self) -> str:
        """A table of the networks if there are several, then each of them; ends without a line break."""
        summary = ["\n".join(summary_table(self.networks))] if len(self.networks) > 1 else []
        return "\n\n".join([*summary, *("\n".join(network_lines(network)) for network in self.networks)])

    def __iter__(self) -> Iterator[NetworkReport]:
        """The networks, in source order."""
        return iter(self.networks)

    def to_dict(self) -> dict[str, Json]:
        """What ``tnc report --json`` prints."""
        return {"networks": [network.to_dict() for network in self.networks]}
