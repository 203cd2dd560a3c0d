"""Visual tokens of media that were seen before: a shot's image is encoded once a run, not once a query."""

import hashlib
from collections.abc import Callable, Hashable, Sequence
from itertools import chain

import torch
from torch import Tensor, nn

from mmflamingo.structures import BoundedCache

from .media_store import MediaStore, digest_of

DEFAULT_BYTES = 512 * 2**20  # 2048 media of Flamingo-9B in float32


def content_keys(media: Tensor) -> list[Hashable]:
    """A key for each of M media (M, F, 3, H, W), uint8: the same for the same pixels, whatever file they came from."""
    shape = tuple(media.shape[1:])
    return [(shape, hashlib.sha256(medium.contiguous().numpy()).digest()) for medium in media.cpu()]


class MediaCache:
    """Keeps what media were encoded to; the least recently used go when there is no more room.

    Everything is forgotten when the weights that encode change, their dtype or place, or the autocast mode.

    Args:
        max_bytes: Most bytes of visual tokens to keep; 0 keeps none, and only the media of one call are compared.
        encoders: The modules whose weights the visual tokens depend on.
        store: Where visual tokens are kept for other runs; None keeps them in memory alone.
        settings: What else they depend on and a store has to tell apart, of plain Python values.

    Attributes:
        kept (BoundedCache): Visual tokens (K, D) of a medium by its key.
    """

    def __init__(
        self, max_bytes: int, encoders: Sequence[nn.Module], store: MediaStore | None = None, settings: object = None
    ) -> None:
        self.kept = BoundedCache(max_bytes)
        self._encoders = tuple(encoders)
        self._store = store
        self._settings = settings
        self._state: tuple = ()
        self._digest = ''  # of the encoders, for the store

    def collect(self, keys: Sequence[Hashable], encode: Callable[[list[int]], Tensor]) -> Tensor:
        """Visual tokens of N media, of which only those are encoded that are new, each once.

        Args:
            keys: N keys, the same for media that are the same.
            encode: Gives the visual tokens (n, K, D) of n of the media, named by their numbers, 0 to N - 1.

        Returns:
            Tensor: (N, K, D).
        """
        self._forget_if_weights_changed()
        found = {key: self._look_up(key) for key in dict.fromkeys(keys)}
        new = {key: number for number, key in enumerate(keys) if found[key] is None}
        if new:
            for key, tokens in zip(new, encode(list(new.values())), strict=True):
                found[key] = tokens.clone()  # a slice would keep all of them in memory
                self._keep(key, found[key])
                if self._store:
                    self._store.put(self._digest, key, tokens)
        return torch.stack([found[key] for key in keys])

    def _look_up(self, key: Hashable) -> Tensor | None:
        tokens = self.kept.get(key)
        if tokens is None and self._store:
            tokens = self._store.get(self._digest, key)
            if tokens is not None:
                tokens = tokens.to(self._weights()[0].device)
                self._keep(key, tokens)
        return tokens

    def _keep(self, key: Hashable, tokens: Tensor) -> None:
        self.kept.put(key, tokens, tokens.numel() * tokens.element_size())

    def _forget_if_weights_changed(self) -> None:
        weights = self._weights()
        device = weights[0].device.type
        autocast = torch.is_autocast_enabled(device) and torch.get_autocast_dtype(device)
        sums = torch.stack([weight.detach().sum(dtype=torch.float32) for weight in weights]).tolist()
        state = (autocast, *map(_version, weights), *sums)  # sums change where a write isn't counted
        if state != self._state:
            self.kept.clear()
            self._state = state
            if self._store:
                self._digest = digest_of(weights, (self._settings, device, str(autocast)))

    def _weights(self) -> list[Tensor]:
        return [w for module in self._encoders for w in chain(module.parameters(), module.buffers())]


def _version(weight: Tensor) -> tuple[int, int | None]:
    """Changes with every write that torch counts: an optimizer's, `load_state_dict`'s, and by `to` or `.data = `."""
    return weight.data_ptr(), None if weight.is_inference() else weight._version
