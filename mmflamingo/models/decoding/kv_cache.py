"""The keys and values of the language model's own attention, without a copy a step."""

from inspect import signature

from torch import Tensor
from transformers import PreTrainedModel
from transformers.cache_utils import Cache, DynamicLayer


class ReservedLayer(DynamicLayer):
    """A cache layer that has its memory from the start; transformers' own copies itself for every token."""

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.capacity = capacity
        self.length = 0

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Reserves memory for rows and heads of this shape."""
        batch, heads, _, width = key_states.shape
        self.dtype, self.device = key_states.dtype, key_states.device
        self.keys = key_states.new_empty(batch, heads, self.capacity, width)
        self.values = value_states.new_empty(batch, heads, self.capacity, value_states.shape[-1])
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *args, **kwargs) -> tuple[Tensor, Tensor]:
        """Adds (B, heads, L, dim_head) and returns all there is, (B, heads, length, dim_head)."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        new = slice(self.length, self.length + key_states.shape[-2])
        self.keys[:, :, new] = key_states
        self.values[:, :, new] = value_states
        self.length = new.stop
        return self.keys[:, :, : self.length], self.values[:, :, : self.length]

    def get_seq_length(self) -> int:
        """Tokens that it holds."""
        return self.length


class ReservedCache(Cache):
    """Keys and values of B rows of up to `capacity` tokens, for every layer."""

    def __init__(self, capacity: int) -> None:
        super().__init__(layer_class_to_replicate=lambda: ReservedLayer(capacity))

    def start_with(self, prefix: Cache, batch: int) -> None:
        """Takes over the tokens of a cache of one row as the first ones of all B rows."""
        for number, layer in enumerate(prefix.layers):
            length = layer.get_seq_length()
            states = (x[:, :, :length].expand(batch, -1, -1, -1) for x in (layer.keys, layer.values))
            self.update(*states, number)

    def keep(self, rows: Tensor) -> None:
        """Goes on with these rows only, given by their numbers."""
        for layer in self.layers:
            rows = rows.to(layer.keys.device)
            layer.keys, layer.values = layer.keys[rows], layer.values[rows]


def holds_a_tree(lm: PreTrainedModel) -> bool:
    """Whether tokens of several continuations can be in one row, told apart by mask and positions alone.

    So it is where attention reaches as far as the mask allows (no sliding window) and positions are taken as given, not
    counted from the mask as attention biases by distance (ALiBi) are.
    """
    config = lm.config
    layer_types = set(getattr(config, 'layer_types', None) or ['full_attention'])
    takes_positions = 'position_ids' in signature(lm.forward).parameters
    counts_positions = getattr(config, 'alibi', False)
    is_full = layer_types == {'full_attention'} and getattr(config, 'sliding_window', None) is None
    return takes_positions and not counts_positions and is_full and config._attn_implementation == 'sdpa'
