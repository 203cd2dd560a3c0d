"""Where every parameter of a model has its value from."""

from collections import defaultdict
from collections.abc import Collection

from torch import nn

FRESH = 'fresh, the same in every run'


def describe_sources(model: nn.Module, keys: Collection[str], source: str) -> str:
    """A table of the model's parameters by part and source.

    Args:
        model: The model, filled. `model.loaded_prefixes()` names the parts with files of their own,
            `model.rows_without_source()` matrices with rows that no file has.
        keys: State-dict keys that `source` provided.
        source: Path of the checkpoint; what it provides goes before a part's own file.

    Returns:
        str: A line for each part and source: number of parameters, dtype, source; then their sum.
    """
    files = model.loaded_prefixes() if hasattr(model, 'loaded_prefixes') else {}
    fresh_rows = model.rows_without_source() if hasattr(model, 'rows_without_source') else {}
    counts: dict[tuple[str, str, str], int] = defaultdict(int)
    for name, parameter in model.named_parameters():
        dtype = str(parameter.dtype).removeprefix('torch.')
        file = next((file for prefix, file in files.items() if name.startswith(f'{prefix}.')), FRESH)
        count = parameter.numel()
        if name in fresh_rows and name not in keys:
            fresh = fresh_rows[name] * parameter[0].numel()
            counts[f'{name}, added tokens', dtype, FRESH] += fresh
            count -= fresh
        counts[_part_of(name), dtype, source if name in keys else file] += count
    rows = [(part, f'{count:,}', dtype, origin) for (part, dtype, origin), count in counts.items()]
    rows.append(('all', f'{sum(counts.values()):,}', '', ''))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return '\n'.join(
        f'  {part:<{widths[0]}}  {count:>{widths[1]}}  {dtype:<{widths[2]}}  {origin}'.rstrip()
        for part, count, dtype, origin in rows
    )


def _part_of(name: str) -> str:
    """'vision_backbone', 'resampler', 'language_model.lm', 'language_model.gated_cross_attn_layers', ..."""
    first, *others = name.split('.')
    return f'{first}.{others[0]}' if first == 'language_model' else first
