"""``cached()`` of generated PyTorch classes: calls share a result as long as nothing that it depends on has changed."""

from __future__ import annotations

from collections.abc import Sequence

from tnc.codegen.documents import Group
from tnc.codegen.writer import Writer
from tnc.ir.schedule import Stack

HELPERS = '''
    _LOCK = RLock()


    def _bits(cores: Sequence[torch.Tensor]) -> torch.Tensor | None:
        """All cores, bit by bit; None if one is traced, batched, sharded or has a tangent."""
        try:
            for core in cores:
                if type(core) not in (torch.Tensor, nn.Parameter) or not core.data_ptr():
                    return None
                if forward_ad.unpack_dual(core).tangent is not None:
                    return None
                if core.is_cuda and torch.cuda.is_current_stream_capturing():
                    return None
            bits = torch.cat([core.reshape(-1).view(torch.uint8) for core in cores])
            return bits if torch.equal(bits, bits) else None
        except RuntimeError:  # values cannot be read here
            return None


    def _same(one: tuple[Any, Any] | None, other: tuple[Any, Any] | None) -> bool:
        """Whether two states of a module are known and equal."""
        if one is None or other is None:
            return False
        return one[0] == other[0] and torch.equal(one[1], other[1])
'''
"""Functions that compare states of a module."""

_DECORATOR = '''
    def _shared(forward: Callable[[Any], RESULT]) -> Callable[[Any], RESULT]:
        """`forward`, whose result the calls inside `cached()` share."""

        @wraps(forward)
        def shared(self: Any) -> RESULT:
            state = self._state()
            if state is None:
                return forward(self)
            known, result = self._kept
            if _same(known, state):
                return COPY
            result = forward(self)
            self._keep(state, COPY)
            return result

        return shared
'''

_CACHED = '''
    _always = False
    _contexts = 0
    _kept: tuple[Any, Any] = (None, None)
    __jit_ignored_attributes__ = ("_kept",)  # by `torch.jit.script`
    __jit_unused_properties__ = ("cache",)

    @contextmanager
    def cached(self) -> Iterator[None]:
        """Inside, calls share a result until a bit of a core changes; each gets a copy.

        A change of dtype, device or autocast counts as well. Calls that need gradients,
        traces and transformations share nothing.
        """
        with _LOCK:
            self._contexts += 1
        try:
            yield
        finally:
            with _LOCK:
                self._contexts -= 1
                self._forget()

    @property
    def cache(self) -> bool:
        """Whether calls share a result at all times, as inside `cached()`."""
        return self._always

    @cache.setter
    def cache(self, always: bool) -> None:
        with _LOCK:
            self._always = always
            self._forget()

    def _forget(self) -> None:
        """Free what is kept, unless calls still share it."""
        if not (self._always or self._contexts):
            self._kept = (None, None)

    def _keep(self, state: tuple[Any, Any], result: RESULT) -> None:
        """Keep a result, unless a core changed or `cached()` ended meanwhile."""
        with _LOCK:
            if _same(state, self._state()):
                self._kept = state, result

    def __getstate__(self) -> dict[str, Any]:
        """What is kept is neither copied nor pickled."""
        return {**self.__dict__, "_contexts": 0, "_kept": (None, None)}

    def _state(self) -> tuple[Any, Any] | None:
        """The settings and bits that a result depends on; None if it is not to be shared."""
        if torch.compiler.is_compiling() or not (self._always or self._contexts):
            return None
        if torch.jit.is_tracing() or parametrize.is_parametrized(self):
            return None
'''

_STATE = """
        if torch.is_grad_enabled() and any(core.requires_grad for core in cores):
            return None
        bits = _bits(cores)
        if bits is None:
            return None
        kind = bits.device.type
        settings = (
            torch.is_autocast_enabled(kind) and torch.get_autocast_dtype(kind),
            torch.get_default_dtype(),
            torch.are_deterministic_algorithms_enabled(),
            torch.cuda.current_stream() if kind == "cuda" else None,
            [(core.shape, core.stride(), core.dtype, core.device) for core in cores],
        )
        return settings, bits
"""

_NO_CORES = '''
    @contextmanager
    def cached(self) -> Iterator[None]:
        """Calls share nothing: a network without cores has only constants to compute."""
        yield
'''


def write_decorator(writer: Writer, result_type: str, copy: str) -> None:
    """Write the decorator of ``forward``; ``copy`` is an expression that copies ``result``."""
    writer.text(_DECORATOR.replace("RESULT", result_type).replace("COPY", copy))


def write_cached(writer: Writer, stacks: Sequence[Stack], result_type: str) -> None:
    """Write the methods of a class whose ``forward`` is decorated with ``_shared``."""
    if not stacks:
        writer.text(_NO_CORES)
        return
    writer.text(_CACHED.replace("RESULT", result_type))
    body = Writer(depth=2)
    cores = tuple(f"self.{stack.key}" for stack in stacks)
    body.line(Group("cores = (", cores, ",)" if len(cores) == 1 else ")"))
    body.text(_STATE)
    writer.include(body)
