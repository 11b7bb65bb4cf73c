"""Parameters as they are stored: which cores share a tensor, and under what key.

Keys depend on the Program that elaboration made, never on a pass or a plan: they are the names in people's saved
weights.
"""

from __future__ import annotations

import keyword
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from tnc.ir.program import Init, Parameter, Program
from tnc.ir.schedule import Member, Stack

MODULE_NAMES = frozenset(
    """
    T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval
    extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict modules
    mtia named_buffers named_children named_modules named_parameters parameters register_backward_hook register_buffer
    register_forward_hook register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook
    register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module register_parameter
    register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule
    share_memory state_dict to to_empty train training type xpu zero_grad
    _apply _backward_hooks _backward_pre_hooks _buffers _call_impl _compiled_call_impl _forward_hooks
    _forward_hooks_always_called _forward_hooks_with_kwargs _forward_pre_hooks _forward_pre_hooks_with_kwargs
    _get_backward_hooks _get_backward_pre_hooks _get_name _is_full_backward_hook _load_from_state_dict
    _load_state_dict_post_hooks _load_state_dict_pre_hooks _maybe_warn_non_full_backward_hook _modules _named_members
    _non_persistent_buffers_set _parameters _register_load_state_dict_pre_hook _register_state_dict_hook
    _replicate_for_data_parallel _save_to_state_dict _slow_forward _state_dict_hooks _state_dict_pre_hooks _version
    _wrapped_call_impl
    cache cached cores load_cores reset_parameters _always _draw_seeded _contexts _forget _keep _kept _state
    """.split()  # noqa: SIM905
)
"""What an ``nn.Module`` and the classes that we generate call their own."""


def stacks(program: Program, inits: Mapping[str, Init] | None = None) -> tuple[Stack, ...]:
    """The stacks in order of their first cores, subscripts ascending within each.

    ``inits`` gives the resolved initialisation of cores by canonical name; a core that it lacks keeps its own.
    """
    groups: dict[_Group, list[Parameter]] = defaultdict(list)
    for parameter in program.parameters:
        groups[_group(parameter)].append(parameter)
    keys = _keys(list(groups))
    return tuple(_stack(keys[group], members, inits or {}) for group, members in groups.items())


_Family = tuple[str, str]
_Group = tuple[_Family, bool, tuple[int, ...], bool, bool, bool]
"""Path and family, whether there are subscripts, shape, whether it is frozen, declared complex, seeded."""


def _group(parameter: Parameter) -> _Group:
    name = parameter.name
    family = name.path, name.family
    stacked, seeded = name.subscripts is not None, parameter.seed is not None
    return family, stacked, parameter.shape, parameter.frozen, parameter.is_complex, seeded


def _stack(key: str, members: Sequence[Parameter], inits: Mapping[str, Init]) -> Stack:
    first = members[0]
    stacked = first.name.subscripts is not None
    ordered = sorted(members, key=lambda parameter: parameter.name.subscripts or ())
    return Stack(
        key=key,
        shape=first.shape,
        frozen=first.frozen,
        stacked=stacked,
        members=tuple(
            Member(
                name=str(parameter.name),
                position=position if stacked else None,
                inputs=parameter.inputs,
                init=inits.get(str(parameter.name), parameter.init),
                seed=parameter.seed,
                span=parameter.span,
            )
            for position, parameter in enumerate(ordered)
        ),
        is_complex=first.is_complex,
    )


def _keys(groups: Sequence[_Group]) -> dict[_Group, str]:
    """A key for every group: as short as tells the groups of its family apart."""
    shapes: dict[_Family, set[tuple[int, ...]]] = defaultdict(set)
    for family, _, shape, *_ in groups:
        shapes[family].add(shape)
    trainable = {(family, shape) for family, _, shape, frozen, *_ in groups if not frozen}
    stored = {(family, shape) for family, _, shape, frozen, _, seeded in groups if frozen and not seeded}
    plain = {
        (family, shape, frozen, seeded) for family, _, shape, frozen, is_complex, seeded in groups if not is_complex
    }
    keys: dict[_Group, str] = {}
    for group in groups:
        family, _, shape, frozen, is_complex, seeded = group
        key = _family_key(*family)
        if len(shapes[family]) > 1:
            key += f"__{'x'.join(map(str, shape)) or 'scalar'}"
        if frozen and (family, shape) in trainable:
            key += "__frozen"
        if seeded and (family, shape) in stored:
            key += "__seeded"
        if is_complex and (family, shape, frozen, seeded) in plain:
            key += "__complex"
        keys[group] = _safe(key)
    return _distinct(keys)


def _family_key(path: str, family: str) -> str:
    """``t[0].u`` and ``g`` become ``t_0__u__g``; a negative subscript is written with an ``m``."""
    parts = [*path.split("."), family] if path else [family]
    return "__".join(re.sub(r"\[(.*?)\]", _subscripts, part) for part in parts)


def _subscripts(match: re.Match[str]) -> str:
    return "_" + match[1].replace(", ", "_").replace("-", "m")


def _safe(key: str) -> str:
    if key.startswith("__"):
        key = f"core{key}"  # as an attribute, Python would mangle it
    return f"{key}_" if keyword.iskeyword(key) or key in MODULE_NAMES else key


def _distinct(keys: dict[_Group, str]) -> dict[_Group, str]:
    """The keys, numbered in order where different names gave equal ones: ``t[0].g`` beside ``t_0.g``."""
    counts = Counter(keys.values())
    used = {key for key, count in counts.items() if count == 1}
    distinct: dict[_Group, str] = {}
    for group, key in keys.items():
        name, number = key, 2
        while name in used and counts[key] > 1:
            name, number = f"{key}_{number}", number + 1
        used.add(name)
        distinct[group] = name
    return distinct
