"""How many tokens a language model was made for."""

from dataclasses import dataclass

from transformers import PreTrainedConfig

# What model types call it; attention biases by distance (BLOOM, Falcon with ALiBi) have no such number.
_NAMES = ('max_position_embeddings', 'n_positions', 'max_seq_len')


@dataclass(frozen=True)
class ContextLimit:
    """The most tokens that a prompt and what is written after it may have together.

    Attributes:
        tokens: Their number; None if nothing limits it.
        is_hard: There are no positions beyond it: the language model fails there. Otherwise it only gets worse.
    """

    tokens: int | None = None
    is_hard: bool = False


def context_limit(config: PreTrainedConfig) -> ContextLimit:
    """The limit of learned positions, of the rotary ones of the training, or of windows that all layers have."""
    if getattr(config, 'alibi', False):
        return ContextLimit()
    limits = [value for name in _NAMES if isinstance(value := getattr(config, name, None), int)][:1]
    rotary = getattr(config, 'rope_parameters', None)
    if limits and rotary:
        limits = [_stretched(limits[0], rotary)]
    if _has_only_windows(config):
        limits.append(config.sliding_window)
    return ContextLimit(min(limits), is_hard=not rotary) if limits else ContextLimit()


def _stretched(limit: int, rotary: dict) -> int:
    """The limit with rotary positions that are scaled after the training, as transformers reads such settings."""
    factor = rotary.get('factor') or 1
    if rotary.get('rope_type') == 'dynamic':
        return int(limit * factor)
    return max(limit, int((rotary.get('original_max_position_embeddings') or 0) * factor))


def _has_only_windows(config: PreTrainedConfig) -> bool:
    """Whether no layer looks further back than a sliding window."""
    layer_types = set(getattr(config, 'layer_types', None) or ['sliding_attention'])
    return getattr(config, 'sliding_window', None) is not None and layer_types == {'sliding_attention'}
