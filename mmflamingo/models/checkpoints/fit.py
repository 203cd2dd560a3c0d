"""Does a state dict fit a module? One account of every key and value."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from mmflamingo.files.mapped import give_back, mapped_ranges

EXAMPLES = 3
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)  # 8 bits need scales, which no module here reads


def describe_misfits(model: nn.Module, state_dict: Mapping[str, Tensor]) -> str:
    """An indented list of keys that don't fit, empty if all do: missing, unexpected, reshaped, of another kind of number.

    Args:
        model: Its `loaded_prefixes()`, if it has them, are parts that the state dict needn't have.
        state_dict: Keys as in `model.state_dict()`. Where a parameter has two names, one is enough.
    """
    wanted = model.state_dict(keep_vars=True)
    given = [key for key in state_dict if key in wanted]
    missing = keys_without_source(model, state_dict)
    unexpected = [key for key in state_dict if key not in wanted]
    reshaped = [
        f'{key} {tuple(state_dict[key].shape)} (model: {tuple(wanted[key].shape)})'
        for key in given
        if state_dict[key].shape != wanted[key].shape
    ]
    of_other_kind = [
        f'{key} {_name(state_dict[key].dtype)} (model: {_name(wanted[key].dtype)})'
        for key in given
        if not is_same_kind(state_dict[key], wanted[key])
    ]
    groups = {
        'missing from the checkpoint': missing,
        'unexpected, not in the model': unexpected,
        'of another shape': reshaped,
        'of another kind of number': of_other_kind,
    }
    return '\n'.join(_lines(groups))


def describe_bad_values(model: nn.Module, state_dict: Mapping[str, Tensor], dtype: torch.dtype | None = None) -> str:
    """An indented list of weights that are not finite, or differ between two names of one parameter; empty if there are none.

    Memory in which mapped files were read is given back where the weights will be converted, and so lie elsewhere.

    Args:
        model: Receives the weights.
        state_dict: Keys that don't fit are passed over.
        dtype: Float dtype that the weights will be converted to; by default the parameters' own.
    """
    wanted, files = model.state_dict(keep_vars=True), mapped_ranges()
    bad, differing = [], []
    firsts: dict[int, str] = {}
    for key, value in state_dict.items():
        if not fits(value, wanted.get(key)):
            continue
        if value.is_floating_point() and not is_finite(value, dtype or wanted[key].dtype):
            bad.append(key)
        first = firsts.setdefault(id(wanted[key]), key)
        if first != key and not is_same(value, state_dict[first]):
            differing.append(f'{key} (also {first})')
        if value.device.type == 'cpu' and value.dtype != (
            dtype or wanted[key].dtype
        ):  # it will be read into another place
            give_back(value, files)
    return '\n'.join(_lines({'NaN, infinite or too large for the model': bad, 'two names, two values': differing}))


def keys_without_source(model: nn.Module, state_dict: Iterable[str] = ()) -> list[str]:
    """Keys of the model that neither the state dict nor a file of their own provides, under any of a parameter's names."""
    loaded = model.loaded_prefixes() if hasattr(model, 'loaded_prefixes') else ()
    prefixes = tuple(f'{prefix.rstrip(".")}.' for prefix in loaded)
    names = defaultdict(list)
    for key, value in model.state_dict(keep_vars=True).items():
        names[id(value)].append(key)
    return [
        first
        for first, *others in names.values()
        if not any(key in state_dict or key.startswith(prefixes) for key in (first, *others))
    ]


def fits(value: Tensor, own: Tensor | None) -> bool:
    """Whether a value can be loaded into a parameter or buffer."""
    return own is not None and value.shape == own.shape and is_same_kind(value, own)


def is_same_kind(value: Tensor, own: Tensor) -> bool:
    """Whether both are floats of 16 bits or more, or both whole numbers, or both truth values."""
    if own.is_floating_point():
        return value.dtype in FLOATS
    return not (value.is_floating_point() or value.is_complex()) and (value.dtype is torch.bool) == (
        own.dtype is torch.bool
    )


def is_finite(value: Tensor, dtype: torch.dtype | None = None) -> bool:
    """Whether all numbers are finite, also after a conversion to `dtype`.

    A sum reads 10 GB/s, `isfinite` 0.3: NaN and infinity survive in it. Only where it doesn't tell, the extremes are asked for.
    """
    largest = torch.finfo(dtype or value.dtype).max
    if largest >= torch.finfo(value.dtype).max and value.sum().isfinite():
        return True
    return not value.numel() or all(abs(extreme.item()) <= largest for extreme in value.aminmax())


def is_same(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors are one, or have the same numbers."""
    same_memory = (a.data_ptr(), a.stride(), a.dtype) == (b.data_ptr(), b.stride(), b.dtype) and a.shape == b.shape
    return same_memory or torch.equal(a, b.to(a.dtype))


def describe_keys(keys: Sequence[str]) -> str:
    """How many keys, by their first names, with examples."""
    return '\n'.join([f'  {_count(keys)}', *_by_group(keys)])


def _lines(groups: Mapping[str, Sequence[str]]) -> list[str]:
    return [line for title, keys in groups.items() if keys for line in (f'  {title}: {_count(keys)}', *_by_group(keys))]


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix('torch.')


def _count(keys: Sequence[str]) -> str:
    return f'{len(keys)} key{"" if len(keys) == 1 else "s"}'


def _by_group(keys: Sequence[str]) -> list[str]:
    """One line a group; a group is the first two names of a dotted key."""
    groups = defaultdict(list)
    for key in keys:
        names = key.split(' ')[0].split('.')
        groups['.'.join(names[: min(2, len(names) - 1)])].append(key)
    return [
        f'    {f"{group}.*" if group else "top level"}: {len(members)}, e.g. {", ".join(members[:EXAMPLES])}'
        for group, members in groups.items()
    ]
