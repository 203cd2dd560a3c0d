"""Which medium a text token sees: the mask conventions of the field, chosen by name in the config.

Each function looks at the tokens of one forward pass and gives every token the number of the medium
it may attend to, counted from 1; 0 stands for none. For the prompt `a <image> b <image> c` and the
generated token `d`:

                                  a  <image>  b  <image>  c   d
    preceding                     0     1     1     2     2   2
    following                     1     1     2     2     0   0
    preceding_blind_decoding      0     1     1     2     2   0

Arguments of all of them:
    is_media (B, L): the tokens that are `<image>`.
    seen (B,): number of media before the first of these tokens, not 0 when a key-value cache holds
        the earlier ones.
    is_generated (L,): the tokens that come after the prompt.
"""

from collections.abc import Callable

import torch
from torch import Tensor

MediaIndex = Callable[[Tensor, Tensor, Tensor], Tensor]


def preceding(is_media: Tensor, seen: Tensor, is_generated: Tensor) -> Tensor:
    """(B, L): the last medium at or before the token (Flamingo paper, 2.3; OpenFlamingo v2)."""
    return seen[:, None] + is_media.cumsum(-1)


def following(is_media: Tensor, seen: Tensor, is_generated: Tensor) -> Tensor:
    """(B, L): the next medium after the token, its own for `<image>` (OpenFlamingo v1)."""
    latest = preceding(is_media, seen, is_generated)
    upcoming = torch.where(latest < latest[:, -1:], latest + 1, 0)
    return torch.where(is_media, latest, upcoming)


def preceding_blind_decoding(is_media: Tensor, seen: Tensor, is_generated: Tensor) -> Tensor:
    """(B, L): as `preceding`, but none for generated tokens (OpenFlamingo v1 with a cache)."""
    return preceding(is_media, seen, is_generated).masked_fill(is_generated, 0)


MEDIA_INDEX: dict[str, MediaIndex] = {
    'preceding': preceding,
    'following': following,
    'preceding_blind_decoding': preceding_blind_decoding,
}
