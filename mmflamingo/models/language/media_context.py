"""The media of one call of the language model, as its gated cross-attention blocks read them."""

import math

import torch
from torch import Tensor, nn

from .media_index import MediaIndex


class MediaContext:
    """Visual tokens of a batch, their keys and values, and what each text token may see of them.

    The language model may run with more rows than the batch has samples, as in beam search. The
    rows of a sample must be neighbours and show the same media, which are not copied for them.

    Args:
        visual_tokens: (B, M, K, D), output of the resampler, after its final LayerNorm.
        media_index: One of `MEDIA_INDEX`.
        image_token_id: Id of `<image>`.
        prompt_length: Tokens from this position on are generated ones; None if there are none.

    Attributes:
        index (Tensor): (R, L), the medium of each token of the R rows in the running forward pass.
        mask (Tensor): (B, 1, R / B * L, M * K), True where a token may attend to a visual token. It
            is True all over for a token without a medium, since softmax over nothing is undefined;
            the attention sets the result of such a token to 0.
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
        self._keys_values: dict[nn.Module, tuple[Tensor, Tensor]] = {}
        self._seen = torch.zeros(len(visual_tokens), dtype=torch.long, device=visual_tokens.device)

    def read(self, input_ids: Tensor, past_length: int) -> None:
        """Finds the medium of each token at the start of a forward pass.

        Args:
            input_ids: (R, L), the tokens of this pass.
            past_length: Number of tokens that the key-value cache holds already.

        Raises:
            ValueError: The rows can't be dealt out evenly to the samples.
        """
        batch, num_media, num_latents, _ = self.visual_tokens.shape
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
        self.index = self._media_index(is_media, self._seen, positions >= self._prompt_length)
        self._seen = self._seen + is_media.sum(-1)

        index = self.index.view(batch, 1, -1, 1)
        media = torch.arange(1, num_media + 1, device=input_ids.device)
        self.mask = (index == media.repeat_interleave(num_latents)) | (index == 0)

    def keys_values(self, attention: nn.Module) -> tuple[Tensor, Tensor]:
        """Keys and values of the media for one attention, computed once unless gradients flow."""
        if torch.is_grad_enabled():
            return attention.project(self.visual_tokens)
        if attention not in self._keys_values:
            self._keys_values[attention] = attention.project(self.visual_tokens)
        return self._keys_values[attention]
