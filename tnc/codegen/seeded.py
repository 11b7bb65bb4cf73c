"""Constants that a seed gives: the generator of a generated module, the same integers in every framework.

The words are those of Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as
1, 2, 3", SC 2011): the key is a hash of seed and name, the counter an entry's position. A normal number is an integer
times 2^-20, interpolated between quantiles; a uniform one an odd integer times 2^-24. So every number is exact in
float32, and only its product with the declared scale is rounded: once, and alike everywhere.
"""

from __future__ import annotations

from typing import Final

from tnc.codegen.cores import member_names
from tnc.codegen.documents import Doc
from tnc.codegen.fills import Run
from tnc.ir.schedule import Stack

KEYS: Final = '''
    def _keys(name: str, seed: int) -> tuple[int, int, int]:
        """The key schedule of a core: a hash of its seed and name, and the parity."""
        digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
        first, second = int.from_bytes(digest[:4]), int.from_bytes(digest[4:8])
        return first, second, first ^ second ^ 0x1BD11BDA
'''

QUANTILES: Final = '''
    @lru_cache
    def _quantiles() -> list[int]:
        """Normal quantiles in units of 2**-20, at 64 tail probabilities in each octave."""
        quantile = NormalDist().inv_cdf
        tails = [(64 + k) * 2.0 ** (octave - 39) for octave in range(32) for k in range(64)]
        return [round(-quantile(tail) * 2**20) for tail in tails] + [0]
'''

ARRAYS: Final = '''
    def _words(name: str, seed: int, count: int) -> tuple[ARRAY, ARRAY]:
        """Two random words for each entry of a core."""
        keys = MODULE.asarray(_keys(name, seed), MODULE.uint32)
        return _threefry(MODULE.arange(count, dtype=MODULE.uint32), keys)


    COMPILED
    def _threefry(positions: ARRAY, keys: ARRAY) -> tuple[ARRAY, ARRAY]:
        """Threefry-2x32 with 20 rounds."""
        a = positions + keys[0]
        b = MODULE.full_like(a, keys[1])
        for block in range(5):
            for turn in ((13, 15, 26, 6), (17, 29, 16, 24))[block % 2]:
                a = a + b
                b = (b << turn | b >> 32 - turn) ^ a
            a = a + keys[(block + 1) % 3]
            b = b + keys[(block + 2) % 3] + MODULE.uint32(block + 1)
        return a, b
'''

ARRAYS_NORMAL: Final = '''
    COMPILED
    def _normal_integers(words: ARRAY) -> ARRAY:
        """Normal numbers in units of 2**-20, interpolated between quantiles."""
        tail = (words & 0x7FFFFFFF).astype(MODULE.int32)
        octave = MODULE.full_like(tail, 31)
        for shift in (16, 8, 4, 2, 1):
            small = tail < 1 << 31 - shift
            tail = MODULE.where(small, tail << shift, tail)
            octave = MODULE.where(small, octave - shift, octave)
        quantiles = MODULE.asarray(_quantiles(), MODULE.int32)
        place = 64 * octave + (tail >> 24 & 63)
        high, low = quantiles[place], quantiles[place + 1]
        size = high - ((high - low) * (tail >> 8 & 0xFFFF) >> 16)
        return MODULE.where(words > 0x7FFFFFFF, -size, size)


    def _seeded_normal(
        names: list[str], shape: tuple[int, ...], seed: int, std: float, DTYPE
    ) -> ARRAY:
        """Independent normal entries of some cores, from their seed and names."""
        count = math.prod(shape) // len(names)
        exact = MODULE.promote_types(dtype, MODULE.float32)
        drawn = []
        for name in names:
            first, second = _words(name, seed, count)
            if MODULE.issubdtype(dtype, MODULE.complexfloating):
                scale = std * math.sqrt(0.5) * 2.0**-20
                real = _normal_integers(first).astype(exact)
                imaginary = _normal_integers(second).astype(exact)
                drawn.append(real * scale + imaginary * (scale * 1j))
            else:
                real = _normal_integers(first).astype(exact)
                drawn.append(real * (std * 2.0**-20))
        return MODULE.stack(drawn).reshape(shape).astype(dtype)
'''

ARRAYS_UNIFORM: Final = '''
    def _seeded_uniform(
        names: list[str],
        shape: tuple[int, ...],
        seed: int,
        low: float,
        high: float,
        DTYPE,
    ) -> ARRAY:
        """Independent uniform entries of some cores, from their seed and names."""
        count = math.prod(shape) // len(names)
        exact = MODULE.promote_types(dtype, MODULE.float32)
        words = MODULE.stack([_words(name, seed, count)[0] for name in names])
        odd = 2 * (words >> 8).astype(MODULE.int32) + 1 - 2**24
        entries = odd.astype(exact) * ((high - low) * 2.0**-25) + (low + high) / 2
        return entries.reshape(shape).astype(dtype)
'''

ARRAYS_IDENTITY: Final = '''
    def _seeded_identity(
        names: list[str],
        shape: tuple[int, ...],
        rows: int,
        columns: int,
        seed: int,
        noise: float,
        DTYPE,
    ) -> ARRAY:
        """The identity from input axes (rows) to output axes (columns), plus noise."""
        drawn = _seeded_normal(names, shape, seed, noise, dtype)
        entries = drawn.reshape(-1, rows, columns)
        return (MODULE.eye(rows, columns, dtype=dtype) + entries).reshape(shape)
'''

TORCH: Final = '''
    def _words(
        cores: torch.Tensor, names: list[str], seed: int
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """The cores in parts, with two random words for each entry: Threefry-2x32."""
        mask = 0xFFFFFFFF
        for name, core in zip(names, cores.view(len(names), -1), strict=True):
            keys = _keys(name, seed)
            for start in range(0, core.numel(), 2**16):
                part = core[start : start + 2**16]
                a = torch.arange(start, start + len(part), device=core.device)
                a = a + keys[0] & mask
                b = torch.full_like(a, keys[1])
                for block in range(5):
                    for turn in ((13, 15, 26, 6), (17, 29, 16, 24))[block % 2]:
                        a = a + b & mask
                        b = (b << turn & mask | b >> 32 - turn) ^ a
                    a = a + keys[(block + 1) % 3] & mask
                    b = b + keys[(block + 2) % 3] + block + 1 & mask
                yield part, a, b
'''

TORCH_NORMAL: Final = '''
    def _normal_integers(words: torch.Tensor) -> torch.Tensor:
        """Normal numbers in units of 2**-20, interpolated between quantiles."""
        tail = words & 0x7FFFFFFF
        octave = torch.full_like(tail, 31)
        for shift in (16, 8, 4, 2, 1):
            small = tail < 1 << 31 - shift
            tail = torch.where(small, tail << shift, tail)
            octave = torch.where(small, octave - shift, octave)
        quantiles = torch.tensor(_quantiles(), device=words.device)
        place = 64 * octave + (tail >> 24 & 63)
        high, low = quantiles[place], quantiles[place + 1]
        size = high - ((high - low) * (tail >> 8 & 0xFFFF) >> 16)
        return torch.where(words > 0x7FFFFFFF, -size, size)


    def _seeded_normal(
        cores: torch.Tensor, names: list[str], seed: int, std: float
    ) -> None:
        """Independent normal entries, from the seed and the names of the cores."""
        exact = torch.promote_types(cores.real.dtype, torch.float32)
        for part, first, second in _words(cores, names, seed):
            if part.is_complex():
                scale = std * math.sqrt(0.5) * 2.0**-20
                part.real.copy_(_normal_integers(first).to(exact) * scale)
                part.imag.copy_(_normal_integers(second).to(exact) * scale)
            else:
                part.copy_(_normal_integers(first).to(exact) * (std * 2.0**-20))
'''

TORCH_UNIFORM: Final = '''
    def _seeded_uniform(
        cores: torch.Tensor, names: list[str], seed: int, low: float, high: float
    ) -> None:
        """Independent uniform entries, from the seed and the names of the cores."""
        exact = torch.promote_types(cores.real.dtype, torch.float32)
        for part, words, _ in _words(cores, names, seed):
            odd = 2 * (words >> 8) + 1 - 2**24
            part.copy_(odd.to(exact) * ((high - low) * 2.0**-25) + (low + high) / 2)
'''

TORCH_IDENTITY: Final = '''
    def _seeded_identity(
        cores: torch.Tensor,
        names: list[str],
        rows: int,
        columns: int,
        seed: int,
        noise: float,
    ) -> None:
        """The identity from input axes (rows) to output axes (columns), plus noise."""
        _seeded_normal(cores, names, seed, noise)
        cores.view(-1, rows, columns).diagonal(dim1=1, dim2=2).add_(1.0)
'''


def helpers(kinds: set[str], *, torch: bool, compiled: str = "", dtype: str = "") -> list[str]:
    """The functions that draw these kinds of initialisation from seeds.

    ``compiled`` decorates those that are many small operations on arrays; ``dtype`` is their parameter of that name.
    """
    if not kinds:
        return []
    words, normal, uniform, identity = (
        (TORCH, TORCH_NORMAL, TORCH_UNIFORM, TORCH_IDENTITY)
        if torch
        else (ARRAYS, ARRAYS_NORMAL, ARRAYS_UNIFORM, ARRAYS_IDENTITY)
    )
    found = [KEYS, words]
    if kinds & {"Normal", "Identity"}:
        found += [QUANTILES, normal]
    if "Identity" in kinds:
        found.append(identity)
    if "Uniform" in kinds:
        found.append(uniform)
    decorator = f"    {compiled}\n" if compiled else ""
    return [text.replace("    COMPILED\n", decorator).replace("DTYPE", dtype) for text in found]


def names(stack: Stack, run: Run) -> Doc:
    """The names of the cores of a run, as a list."""
    return member_names(stack, run.start, run.stop)
