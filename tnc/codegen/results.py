"""What a module returns: the one output itself, or a named tuple of several."""

from __future__ import annotations

from collections.abc import Sequence

from tnc.codegen.body import Body
from tnc.codegen.documents import call, prefixed
from tnc.codegen.names import field_names
from tnc.codegen.writer import Writer
from tnc.ir.schedule import Schedule


def write_return(body: Body, results: Sequence[str], output: str, tensor: str) -> str:
    """Write the `return`; the type of what is returned: ``tensor``, or ``output``, the named tuple."""
    if len(results) == 1:
        body.writer.line(prefixed("return ", results[0]))
        return tensor
    fields = field_names([result.name for result in body.schedule.results])
    pairs = [prefixed(f"{field}=", result) for field, result in zip(fields, results, strict=True)]
    body.writer.line(call(f"return {output}", *pairs))
    return output


def write_result_type(writer: Writer, output: str, schedule: Schedule, tensor: str) -> None:
    """Write the named tuple."""
    with writer.block(f"class {output}(NamedTuple):"):
        writer.line(f'"""What `{schedule.name}` computes."""')
        writer.blank()
        for field in field_names([result.name for result in schedule.results]):
            writer.line(f"{field}: {tensor}")
