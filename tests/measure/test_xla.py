"""Kernels and their buffers, as XLA would have them."""

from __future__ import annotations

import pytest

import tnc
from tests.random_programs import random_program
from tnc import driver
from tnc.cost.strided import Strided
from tnc.measure.xla.graph import Graph, Kernel, Kernels, Kind, fused, ordered, transposed
from tnc.measure.xla.memory import Buffers, assigned
from tnc.measure.xla.step import jit_memory

A, D, L = Kind.ARGUMENT, Kind.DOT, Kind.LOOP


def lying(graph: Graph, *results: Strided) -> list[tuple[Kind, int]]:
    """Kind and bytes of all that lies in memory."""
    return [(kernel.kind, kernel.bytes) for kernel in fused(graph, results, ()).all if kernel.bytes]


def test_a_loop_lies_in_memory_for_products_only() -> None:
    graph = Graph(4)
    x, w = graph.argument((8, 8)), graph.argument((8, 8))
    cheap = graph.loop((8, 8), (x,))
    total = graph.reduce((), (cheap,))
    assert lying(graph, total) == [(A, 256), (Kind.REDUCE, 4)]
    product = graph.dot((8, 8), cheap, w)
    assert lying(graph, total, product) == [(A, 256), (A, 256), (L, 256), (Kind.REDUCE, 4), (D, 256)]


def test_what_is_costly_is_computed_once() -> None:
    graph = Graph(4)
    x = graph.argument((8, 8))
    for costly, kernels in ((False, 2), (True, 3)):
        inner = graph.loop((8, 8), (x,), costly=costly)
        results = (graph.loop((8, 8), (inner,)), graph.loop((8, 8), (inner,)))
        assert lying(graph, *results) == [(A, 256)] + [(L, 256)] * kernels


def test_a_product_reads_transposed_matrices_and_no_other_order() -> None:
    graph = Graph(4)
    x, w = graph.argument((2, 3, 4)), graph.argument((2, 3, 5))
    direct = graph.dot((2, 4, 5), transposed(x), w)
    assert lying(graph, direct) == [(A, 96), (A, 120), (D, 160)]
    turned = graph.dot((4, 2, 5), ordered(x, (2, 0, 1)), ordered(graph.argument((3, 4, 5)), (1, 0, 2)))
    assert [kind for kind, _ in lying(graph, turned)] == [A, A, L, L, D]


def test_a_product_that_is_wanted_transposed_is_made_so() -> None:
    graph = Graph(4)
    product = graph.dot((2, 5), graph.argument((2, 3)), graph.argument((3, 5)))
    turned = graph.packed(transposed(product))
    assert lying(graph, turned) == [(A, 24), (A, 60), (D, 40)]
    assert lying(graph, turned, product) == [(A, 24), (A, 60), (D, 40), (L, 40)]


def test_a_large_sum_is_computed_with_its_product() -> None:
    for batch, fuses in ((4, False), (64, True)):
        graph = Graph(4)
        product = graph.dot((batch, 4, 4), graph.argument((batch, 4, 9)), graph.argument((batch, 9, 4)))
        assert ((D, 64 * batch) in lying(graph, graph.reduce((4, 4), (product,)))) is not fuses


def test_values_go_to_the_buffers_of_results_first() -> None:
    # A chain: the last value before the result meets that, the one before it does not; neighbours meet each other.
    chain = (Kernel(A, 8, ()), Kernel(D, 8, (0,)), Kernel(D, 8, (1,)), Kernel(D, 8, (2,)))
    assert assigned(Kernels(chain, (3,), ())) == Buffers(8, 8, 8)
    longer = (*chain, Kernel(D, 8, (3,)))
    assert assigned(Kernels(longer, (4,), ())) == Buffers(8, 8, 16)
    larger = (Kernel(A, 8, ()), Kernel(D, 9, (0,)), Kernel(D, 8, (1,)), Kernel(D, 8, (2,)))
    assert assigned(Kernels(larger, (3,), ())) == Buffers(8, 8, 17)


def test_a_loop_writes_over_what_nobody_reads_any_more() -> None:
    def chain(*overwrites: int) -> Kernels:
        last = Kernel(D, 1, (2,))
        return Kernels((Kernel(A, 8, ()), Kernel(D, 8, (0,)), Kernel(L, 8, (1,), overwrites), last), (3,), ())

    assert assigned(chain()).temporaries == 16
    assert assigned(chain(1)).temporaries == 8


def test_what_is_ready_first_runs_first() -> None:
    # A branch that waits for nothing begins while another one is on its way, and its value waits beside that.
    one = (Kernel(A, 8, ()), Kernel(D, 8, (0,)), Kernel(D, 8, (1,)), Kernel(D, 8, (2,)))
    other = (Kernel(A, 8, ()), Kernel(D, 8, (4,)))
    assert assigned(Kernels((*one, *other, Kernel(D, 1, (3, 5))), (6,), ())) == Buffers(16, 1, 24)


@pytest.mark.parametrize("seed", range(25))
def test_any_program_has_a_memory(seed: int) -> None:
    network = tnc.loads(random_program(seed).text, network="main")
    plan = driver.plan(network.initialised, network.options).plan
    found = jit_memory(plan.schedule, plan.dtype)
    assert found.results > 0
    assert found.total >= found.arguments + found.results
