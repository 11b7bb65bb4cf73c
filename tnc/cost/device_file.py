"""Device profiles as files: where they lie, what they may hold, and what is said of one that is broken."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Final, NoReturn, TypeAlias

from tnc.cost.device import GENERIC, NOTHING, TORCH, Curve, Grid, Overhead, Products, Profile, Saturation
from tnc.cost.dtypes import ITEMSIZES
from tnc.diagnostics import CompileError, Diagnostic
from tnc.reading import mode, read_bytes, reason

_Entry: TypeAlias = tuple[str, str]

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

FORMAT: Final = 1
"""The version of the files that this compiler reads and writes."""

LARGEST: Final = 2**20
"""Bytes of a profile; whatever is longer is none."""

SMALLEST_NUMBER: Final = 1e-18
LARGEST_NUMBER: Final = 1e30
"""No rate, size or time of a device is beyond these, and times that are computed of such numbers stay finite."""

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def shipped() -> tuple[str, ...]:
    """The names of the devices of which profiles come with the compiler."""
    return tuple(sorted({name for _, name in _shipped_files()}))


def place(name: str, backend: str) -> str:
    """The file of a device's profile in a folder of profiles; those of PyTorch are not in a folder of their own."""
    return f"{name}.json" if backend == TORCH else f"{backend}/{name}.json"


def user_folder() -> Path:
    """Where ``tnc calibrate`` puts profiles and ``--device NAME`` finds them.

    As the XDG base directory specification has it, a path that is not absolute counts as none.

    Raises:
        CompileError: TN020 if there is no home folder.
    """
    folder = _user_folder()
    if folder is None:
        message = "there is no home folder to keep device profiles in"
        help_text = "set XDG_CONFIG_HOME to a folder, or name the profile by its path"
        raise CompileError((Diagnostic("TN020", message, help=help_text),))
    return folder


def profile_text(data: Json) -> str:
    """The text of a profile's file: a row of numbers is a line."""
    return f"{_indented(data, '')}\n"


def find_profile(device: str | None, backend: str = TORCH) -> Profile:
    """The profile of that name, or in the file of that path; the generic one where none is asked for.

    What has a slash in it or ends in ``.json`` is a path. A shipped name always means a shipped profile. Of several by
    one name it is the backend's own; else that of PyTorch, or of the first backend that has one.

    Raises:
        CompileError: TN020 if there is none, TN021 if it is broken.
    """
    if device is None:
        device = GENERIC
    if "/" in device or device.endswith(".json"):
        return _read_path(Path(device))
    if device in shipped():
        return _shipped(*_preferred(((own, name) for own, name in _shipped_files() if name == device), backend))
    folder = _user_folder()
    path = None
    if folder is not None and NAME.fullmatch(device) is not None:
        path = _calibrated_path(folder, device, backend)
    if path is None:
        known = (*shipped(), *_calibrated(folder))
        near = get_close_matches(device, known, n=1)
        there = f"there are {', '.join(f'`{name}`' for name in known)}"
        help_text = f"did you mean `{near[0]}`?" if near else f"{there}; `tnc calibrate {device}` measures this machine"
        raise CompileError((Diagnostic("TN020", f"no device `{device}` is known", help=help_text),))
    return _read_path(path)


@cache
def default_profile() -> Profile:
    """The profile of a generic processor, shipped so that plans do not depend on the machine that makes them."""
    return _shipped(TORCH, GENERIC)


def parse_profile(text: str, where: str) -> Profile:
    """The profile that a file's text holds; ``where`` is what messages call the file.

    Raises:
        CompileError: TN021, with the first thing that is wrong.
    """

    def unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        fields = dict(pairs)
        if len(fields) < len(pairs):
            _broken(where, "it gives a field twice")
        return fields

    try:
        data: Json = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=unique)
        canonical = json.dumps(data, sort_keys=True, separators=(",", ":"))
    except (ValueError, RecursionError):
        _broken(where, "it is not JSON")
    return _Reader(where).profile(data, hashlib.sha256(canonical.encode()).hexdigest())


def _indented(data: Json, margin: str) -> str:
    inner = f"{margin}  "
    if isinstance(data, Mapping) and data:
        lines = [f"{inner}{json.dumps(key)}: {_indented(value, inner)}" for key, value in data.items()]
        return "{\n" + ",\n".join(lines) + f"\n{margin}}}"
    if isinstance(data, list) and any(isinstance(entry, list) for entry in data):
        return "[\n" + ",\n".join(f"{inner}{_indented(entry, inner)}" for entry in data) + f"\n{margin}]"
    return json.dumps(data, ensure_ascii=False)


@cache
def _shipped(backend: str, name: str) -> Profile:
    where = place(name, backend)
    return parse_profile(files("tnc").joinpath("devices", where).read_text(encoding="utf-8"), where)


@cache
def _shipped_files() -> tuple[_Entry, ...]:
    """The backend and the device of every shipped profile."""
    return tuple(_entries(files("tnc").joinpath("devices")))


def _entries(folder: Traversable) -> Iterator[_Entry]:
    """The backend and the device of every profile in a folder."""
    for entry in folder.iterdir():
        inside = [] if not entry.is_dir() else [each.name for each in entry.iterdir()]
        yield from ((entry.name, name.removesuffix(".json")) for name in inside if name.endswith(".json"))
        if entry.name.endswith(".json"):
            yield TORCH, entry.name.removesuffix(".json")


def _preferred(entries: Iterable[_Entry], backend: str) -> _Entry:
    """The one of a device's profiles that is used for a backend."""
    return min(entries, key=lambda entry: (entry[0] != backend, entry[0] != TORCH, entry[0]))


def _user_folder() -> Path | None:
    base = os.environ.get("XDG_CONFIG_HOME", "")
    if not base.startswith("/"):
        try:
            base = str(Path.home() / ".config")
        except RuntimeError:  # no user has this number
            return None
    return Path(base) / "tnc" / "devices" if base.startswith("/") else None


def _calibrated(folder: Path | None) -> tuple[str, ...]:
    """The names that the user's folder holds; none if it cannot be read."""
    return () if folder is None else tuple(sorted({name for _, name in _readable_entries(folder)}))


def _calibrated_path(folder: Path, device: str, backend: str) -> Path | None:
    """The profile of a device in the user's folder that is used for a backend; None if there is none."""
    for own in (backend, TORCH):  # these are found by their names also in a folder that cannot be listed
        path = folder / place(device, own)
        if mode(path):
            return path
    others = sorted(entry for entry in _readable_entries(folder) if entry[1] == device)
    return folder / place(device, others[0][0]) if others else None


def _readable_entries(folder: Path) -> tuple[_Entry, ...]:
    try:
        return tuple(_entries(folder))
    except OSError:
        return ()


def _read_path(path: Path) -> Profile:
    """The profile in a file. It is a file, because it is read once for each network, and a pipe can be read once."""
    try:
        content = read_bytes(path, LARGEST + 1, streams=False)
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else "no file can have this name"
        message = f"the device profile `{path}` cannot be read: {why}"
        help_text = "`--device` takes the name of a device, or the path of a profile that `tnc calibrate` wrote"
        raise CompileError((Diagnostic("TN020", message, help=help_text),)) from None
    if len(content) > LARGEST:
        _broken(str(path), f"it has more than {LARGEST} bytes")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        _broken(str(path), "it is not UTF-8")
    return parse_profile(text, str(path))


def _broken(where: str, reason: str) -> NoReturn:
    help_text = "`tnc calibrate NAME` writes a profile; docs/time-model.md lists its fields"
    raise CompileError((Diagnostic("TN021", f"`{where}` is not a device profile: {reason}", help=help_text),)) from None


class _Reader:
    """Takes JSON apart, and says where it is not as it should be."""

    def __init__(self, where: str) -> None:
        self._where = where

    def profile(self, data: Json, digest: str) -> Profile:
        """The whole file, whose content has a digest."""
        fields = self._object(data, "the file")
        version = fields.get("format")
        if type(version) is not int or version != FORMAT:
            _broken(self._where, f"its `format` is not {FORMAT}")
        name = self._text(fields, "name")
        if NAME.fullmatch(name) is None:
            _broken(self._where, "its `name` is not made of letters, digits, `.`, `_` and `-`")
        products = self._object(fields.get("products"), "`products`")
        for dtype in products:
            if dtype not in ITEMSIZES or dtype.startswith("complex"):
                _broken(self._where, f"`products` names `{dtype}`, which is not a real dtype")
        measured = fields.get("measured")
        if not isinstance(measured, bool):
            _broken(self._where, "`measured` is not true or false")
        fresh = self._object(fields.get("fresh"), "`fresh`")
        return Profile(
            name=name,
            title=self._text(fields, "title"),
            measured=measured,
            digest=digest,
            products=tuple((dtype, self._products(rates, dtype)) for dtype, rates in sorted(products.items())),
            alone=self._number(fields, "alone"),
            batch=self._number(fields, "batch_seconds"),
            bandwidth=self._curve(fields, "bandwidth"),
            scatter=self._curve(fields, "scatter"),
            turn=self._number(fields, "turn_seconds"),
            functions=self._number(fields, "functions_per_second"),
            call=self._overhead(fields, "call_seconds"),
            view=self._overhead(fields, "view_seconds"),
            fresh=self._number(fresh, "bytes_per_second"),
            recycled=int(self._number(fresh, "above_bytes")),
            kron=self._overhead(fields, "kron_seconds") if "kron_seconds" in fields else NOTHING,
            backend=self._text(fields, "backend") if "backend" in fields else TORCH,
        )

    def _products(self, data: Json, dtype: str) -> Products:
        """Three measured tables, or the peak of a data sheet and the side with which half of it is reached."""
        rates = self._object(data, f"`{dtype}`")
        if "peak" in rates:
            rate = Saturation(self._number(rates, "peak"), self._number(rates, "half_side"))
            return Products(rate, rate, rate)
        sides = self._ascending(self._numbers(rates.get("sides"), "`sides`"), "`sides`")
        return Products(*(self._grid(rates, key, sides) for key in ("long_rows", "long_summed", "long_columns")))

    def _grid(self, rates: Mapping[str, Json], key: str, sides: tuple[float, ...]) -> Grid:
        rows = self._array(rates.get(key), f"`{key}`")
        values = tuple(self._numbers(row, f"`{key}`") for row in rows)
        if len(values) != len(sides) or any(len(row) != len(sides) for row in values):
            _broken(self._where, f"`{key}` is not a square of one number for each two of `sides`")
        return Grid(sides, values)

    def _curve(self, fields: Mapping[str, Json], key: str) -> Curve:
        pairs = [self._numbers(pair, f"`{key}`") for pair in self._array(fields.get(key), f"`{key}`")]
        if not pairs or any(len(pair) != 2 for pair in pairs):
            _broken(self._where, f"`{key}` is not a list of pairs")
        points = self._ascending(tuple(pair[0] for pair in pairs), f"`{key}`")
        return Curve(points, tuple(pair[1] for pair in pairs))

    def _overhead(self, fields: Mapping[str, Json], key: str) -> Overhead:
        parts = self._object(fields.get(key), f"`{key}`")
        return Overhead(self._number(parts, "forward"), self._number(parts, "backward"))

    def _ascending(self, points: tuple[float, ...], what: str) -> tuple[float, ...]:
        if not points or any(after <= before for before, after in pairwise(points)):
            _broken(self._where, f"{what} does not ascend")
        return points

    def _numbers(self, data: Json, what: str) -> tuple[float, ...]:
        return tuple(self._positive(number, what) for number in self._array(data, what))

    def _number(self, fields: Mapping[str, Json], key: str) -> float:
        return self._positive(fields.get(key), f"`{key}`")

    def _positive(self, data: Json, what: str) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float) or not data > 0 or data == inf:
            _broken(self._where, f"{what} is not a positive number")
        if not SMALLEST_NUMBER <= data <= LARGEST_NUMBER:
            _broken(self._where, f"{what} is not between {SMALLEST_NUMBER:.0e} and {LARGEST_NUMBER:.0e}")
        return float(data)

    def _text(self, fields: Mapping[str, Json], key: str) -> str:
        text = fields.get(key)
        if not isinstance(text, str) or not text or len(text) > 200 or not text.isprintable():
            _broken(self._where, f"`{key}` is not a line of text")
        return text

    def _array(self, data: Json, what: str) -> Sequence[Json]:
        if not isinstance(data, list) or len(data) > 1000:
            _broken(self._where, f"{what} is not a list")
        return data

    def _object(self, data: Json, what: str) -> Mapping[str, Json]:
        if not isinstance(data, dict):
            _broken(self._where, f"{what} is not an object")
        return data
