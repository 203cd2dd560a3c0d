"""The media of one call of the language model, as its gated cross-attention blocks read them."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .media_index import MediaIndex


class Groups(NamedTuple):
    """The text tokens of one forward pass by the medium that they see: tensors alone, which torch.compile can follow.

    Attributes:
        index: (R, L), the medium of each token, counted from 1 within its sample; 0 for none.
        members: (G, S), the tokens of each group, numbers below R * L. None where a sample's tokens all see the same.
        places: (R * L,), where each token lies in G * S.
    """

    index: Tensor
    members: Tensor | None = None
    places: Tensor | None = None

    def group(self, queries: Tensor, num_groups: int) -> Tensor:
        """Queries (R, L, D) of all tokens to those of the G groups, (G, S, D)."""
        if self.members is None:
            return queries.reshape(num_groups, -1, queries.shape[-1])
        return queries.flatten(0, 1).index_select(0, self.members.flatten()).unflatten(0, self.members.shape)

    def ungroup(self, seen: Tensor) -> Tensor:
        """What the groups saw, (G, S, D), to all tokens, (R, L, D): exactly 0 where there is no medium."""
        if self.places is not None:
            seen = seen.flatten(0, 1).index_select(0, self.places)
        return seen.reshape(*self.index.shape, -1).masked_fill((self.index == 0)[..., None], 0)


class MediaContext:
    """Visual tokens of a batch, and which of them each text token may see.

    A token sees one medium or none, so attention runs on G groups of up to S tokens, each group
    with the K visual tokens of its own medium and nothing masked. A prompt has a group for each of
    the B * M media; generated tokens have one for each sample, as all of a sample's see the same.

    The language model may run with more rows than the batch has samples, as in beam search. The
    rows of a sample must be neighbours and show the same media, which are not copied for them.
    Blocks may lie on several devices; their keys and values stay where they lie.

    Args:
        visual_tokens: (B, M, K, D), output of the resampler, after its final LayerNorm.
        media_index: One of `MEDIA_INDEX`.
        image_token_id: Id of `<image>`.
        prompt_length: Tokens from this position on are generated ones; None if there are none.

    Attributes:
        groups (Groups): The tokens of the running forward pass.
        reads_prompt (bool): The running forward pass reads a prompt; else it goes on with generated tokens.
    """

    def __init__(
        self,
        visual_tokens: Tensor,
        media_index: MediaIndex,
        image_token_id: int,
        prompt_length: int | None = None,
    ) -> None:
        self.visual_tokens = visual_tokens
        self._media_index = media_index
        self._image_token_id = image_token_id
        self._prompt_length = math.inf if prompt_length is None else prompt_length
        self._seen = torch.zeros(len(visual_tokens), dtype=torch.long, device=visual_tokens.device)
        self._last_keys_values: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def read(self, input_ids: Tensor, past_length: int) -> None:
        """Finds the medium of each token at the start of a forward pass.

        Args:
            input_ids: (R, L), the tokens of this pass.
            past_length: Number of tokens that the key-value cache holds already.

        Raises:
            ValueError: The rows can't be dealt out evenly to the samples.
        """
        batch, num_media = self.visual_tokens.shape[:2]
        rows, length = input_ids.shape
        if rows % batch:
            raise ValueError(
                f'{rows} rows of text can not share the media of {batch} samples: the number of '
                'rows must be a multiple of the number of samples.'
            )
        if past_length == 0:
            self._seen = input_ids.new_zeros(rows)
        else:
            self._seen = self._seen.repeat_interleave(rows // len(self._seen))
        is_media = input_ids == self._image_token_id
        positions = torch.arange(past_length, past_length + length, device=input_ids.device)
        index = self._media_index(is_media, self._seen, positions >= self._prompt_length)
        self._seen = self._seen + is_media.sum(-1)
        self._first = torch.arange(batch, device=input_ids.device) * num_media
        self.reads_prompt = past_length < self._prompt_length
        self.groups = self._deal_out(index, batch, num_media) if self.reads_prompt else Groups(index)

    def keys_values(self, attention: nn.Module) -> tuple[Tensor, Tensor]:
        """Keys and values of the groups' media for one attention, each (G, heads, K, dim_head).

        The last medium's are kept for the tokens that will be generated, unless gradients flow.
        """
        if not self.reads_prompt and attention in self._last_keys_values:
            return self._last_keys_values[attention]
        keys_values = attention.project(self.visual_tokens.flatten(0, 1))
        last = self._first + (self._seen.view(len(self._first), -1)[:, 0] - 1).clamp(min=0)
        last = last.to(keys_values[0].device)
        if torch.is_grad_enabled():
            return keys_values if self.reads_prompt else tuple(x[last] for x in keys_values)
        self._last_keys_values[attention] = tuple(x[last] for x in keys_values)
        return keys_values if self.reads_prompt else self._last_keys_values[attention]

    def keep(self, samples: Tensor) -> None:
        """Goes on with these samples only, given by their numbers."""
        self.visual_tokens = self.visual_tokens[samples.to(self.visual_tokens.device)]
        self._seen = self._seen.view(-1, len(self._seen) // len(self._first))[samples].flatten()
        self._last_keys_values = {
            attention: tuple(x[samples.to(x.device)] for x in keys_values)
            for attention, keys_values in self._last_keys_values.items()
        }

    def _deal_out(self, index: Tensor, batch: int, num_media: int) -> Groups:
        """Puts the tokens of a prompt into groups."""
        by_sample = index.view(batch, -1)
        groups = self._first[:, None] + by_sample  # counted from 1
        groups = groups.masked_fill(by_sample == 0, 0).flatten()
        sizes = groups.bincount(minlength=batch * num_media + 1)
        order = groups.argsort(stable=True)
        starts = sizes.cumsum(0) - sizes
        places = torch.arange(len(order), device=order.device) - starts[groups[order]]
        places_in_group = torch.empty_like(places).scatter_(0, order, places)
        size = max(int(sizes[1:].max()), 1)
        places_of_all = ((groups - 1) * size + places_in_group).masked_fill(groups == 0, 0)
        members = starts[1:, None] + torch.arange(size, device=order.device)
        return Groups(index, order[members.clamp(max=len(order) - 1)], places_of_all)
