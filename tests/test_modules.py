from __future__ import annotations

import inspect
import pickle
import sys
import traceback

import pytest

from tnc.modules import module_of_source

SOURCE = '''"""A module."""


class Thing:
    def load_cores(self):
        raise RuntimeError("here")
'''


def test_the_same_text_is_the_same_module_and_another_text_another() -> None:
    first = module_of_source("net", "torch", SOURCE)
    assert module_of_source("net", "torch", SOURCE) is first
    assert module_of_source("net", "torch", SOURCE + "\n") is not first
    assert sys.modules[first.__name__] is first


def test_classes_pickle_and_show_their_source() -> None:
    thing = module_of_source("net", "torch", SOURCE).Thing
    assert type(pickle.loads(pickle.dumps(thing()))) is thing
    assert "raise RuntimeError" in inspect.getsource(thing)


def test_tracebacks_show_the_generated_line() -> None:
    thing = module_of_source("net", "torch", SOURCE).Thing
    with pytest.raises(RuntimeError) as caught:
        thing().load_cores()
    assert 'raise RuntimeError("here")' in "".join(traceback.format_exception(caught.value))


def test_a_module_that_fails_leaves_nothing_behind() -> None:
    before = set(sys.modules)
    with pytest.raises(ZeroDivisionError):
        module_of_source("b[0].net", "numpy", "1 / 0\n")
    assert set(sys.modules) == before
