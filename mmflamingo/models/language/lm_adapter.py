"""A causal language model of Hugging Face that can look at media."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmflamingo.registry import MODELS

from ..media.media_context import MediaContext
from ..media.media_index import MEDIA_INDEX
from .context import context_limit
from .decoder_layers import check_attends, find_decoder_layers
from .gated_xattn import GatedCrossAttentionBlock
from .hf_lm import build_lm, parse_dtype, resize_token_embeddings
from .quantization import check_quantization, quantize_linears
from .token_rows import TrainableTokenRows


@MODELS.register_module()
class FlamingoLMAdapter(nn.Module):
    """Gives any Hugging Face causal language model gated cross-attention to media.

    The language model keeps its class and its state-dict keys. The blocks run in forward pre-hooks
    on its decoder layers and act only inside `with adapter.conditioned(visual_tokens):`; outside it
    the language model is what it was.

    Args:
        visual_dim: Width of the visual tokens, D.
        vocab_size: Tokens of the tokenizer, added ones included. The embeddings get that many rows.
        image_token_id: Id of `<image>`.
        pretrained: Hugging Face folder with the weights, a `.gguf` file, or `hf://organisation/name`.
        config: Instead of `pretrained`: a dict with `model_type` and the fields of its Hugging Face
            configuration. The weights then come from the checkpoint.
        dtype: Name of the dtype of weights and blocks, such as 'float32' or 'bfloat16'.
        lm_dtype: Name of the dtype of the language model's own weights where it is another. Training under autocast,
            'bfloat16' saves the cast of a frozen language model's weights in every step. Its norms must take the blocks'
            dtype, as those of LLaMA's family do.
        xattn_every: A block sits before decoder layer n where (n + 1) % xattn_every == 0.
        xattn_from: No block sits before a layer below this one. Training a frozen language model then needs no
            backward pass through the layers below the first block, if its embeddings are frozen, too.
        media_index: Name of the mask convention, see `media_index.py`.
        dim_head: Width of a head of the cross-attention.
        heads: Number of heads of the cross-attention.
        ff_mult: Width of a block's feed-forward, in multiples of the language model's width.
        init_scale: Factor on the initial weights of the blocks' last projections. What a block adds starts with an RMS
            of about 0.3; a language model whose hidden states are many times larger learns to see sooner with a
            larger one. It is without effect where a checkpoint brings the blocks.
        layers_path: Dotted path of the decoder layers, for model types that `decoder_layers.py`
            does not know.
        attn_implementation: Attention of the language model, such as 'sdpa' or 'eager'. None leaves
            the choice to transformers.
        activation_checkpointing: Compute blocks and decoder layers again in the backward pass
            instead of keeping their activations.
        trust_remote_code: Let transformers run Python code that lies beside the weights.
        quantization: 'int8' or 'nf4' keeps the weights of the decoder layers' linear layers in 8 or 4 bits from
            `quantize()` on, see `QuantizedLinear`. Needs `pip install mmflamingo[quantization]`.

    Raises:
        FileNotFoundError: The folder does not exist.
        ImportError: The library that quantises is not installed.
        ValueError: An argument has no such choice, or tokenizer and language model don't match.
    """

    def __init__(
        self,
        visual_dim: int,
        vocab_size: int,
        image_token_id: int,
        pretrained: str | None = None,
        config: dict[str, Any] | None = None,
        dtype: str = 'float32',
        lm_dtype: str | None = None,
        xattn_every: int = 4,
        xattn_from: int = 0,
        media_index: str = 'preceding',
        dim_head: int = 64,
        heads: int = 8,
        ff_mult: int = 4,
        init_scale: float = 1.0,
        layers_path: str | None = None,
        attn_implementation: str | None = None,
        activation_checkpointing: bool = False,
        trust_remote_code: bool = False,
        quantization: str | None = None,
    ) -> None:
        super().__init__()
        check_quantization(quantization)
        if media_index not in MEDIA_INDEX:
            raise ValueError(
                f'model.language_model.media_index is {media_index!r}, it must be one of {list(MEDIA_INDEX)}.'
            )
        self.pretrained = pretrained
        self.lm = build_lm(
            pretrained,
            config,
            lm_dtype or dtype,
            attn_implementation=attn_implementation,
            trust_remote_code=trust_remote_code,
        )
        check_attends(self.lm)
        self.num_new_rows = resize_token_embeddings(self.lm, vocab_size)
        self.context_limit = context_limit(self.lm.config)
        self.image_token_id = image_token_id
        self.media_index = MEDIA_INDEX[media_index]
        self.activation_checkpointing = activation_checkpointing
        self.quantization = quantization
        self.context: MediaContext | None = None
        self.lm_arguments = frozenset(signature(self.lm.forward).parameters)
        # Renamed in transformers 5.24; code that lies beside weights may keep the old name.
        self.cache_argument = 'cache' if 'cache' in self.lm_arguments else 'past_key_values'

        layers = find_decoder_layers(self.lm, layers_path)
        self.layers_path = next(name for name, module in self.lm.named_modules() if module is layers)
        block_places = (
            [n for n in range(xattn_from, len(layers)) if (n + 1) % xattn_every == 0] if xattn_every > 0 else []
        )
        if not block_places:
            raise ValueError(
                f'model.language_model.xattn_every={xattn_every} and xattn_from={xattn_from} leave no place for a block in '
                f'{len(layers)} layers: choose 1 to {len(layers)} for xattn_every, and a smaller xattn_from.'
            )
        # The embeddings of OPT-350M are narrower than what flows through its layers.
        dim = getattr(self.lm.config, 'hidden_size', None) or self.lm.get_input_embeddings().embedding_dim
        self.gated_cross_attn_layers = nn.ModuleDict(
            {str(n): GatedCrossAttentionBlock(dim, visual_dim, dim_head, heads, ff_mult) for n in block_places}
        ).to(parse_dtype(dtype))
        with torch.no_grad():
            for block in self.gated_cross_attn_layers.values():
                block.attn.to_out.weight.mul_(init_scale)
                block.ff[-1].weight.mul_(init_scale)
        self.token_rows: TrainableTokenRows | None = None
        self._add_hooks(layers)

    def train_token_rows(self, token_ids: Sequence[int], by_logits_only: bool = False) -> None:
        """Gives these tokens embeddings that train while the language model is frozen; see `TrainableTokenRows`."""
        self.token_rows = TrainableTokenRows(self.lm, token_ids, by_logits_only)
        self.token_rows.to(next(self.gated_cross_attn_layers.parameters()).dtype)

    def quantize(self) -> str:
        """Quantises the language model's layers, once they have their weights, if the config says so.

        Returns:
            str: A sentence on what was done; empty if nothing was.

        Raises:
            ValueError: The language model is not frozen.
        """
        if self.quantization is None:
            return ''
        if any(parameter.requires_grad for parameter in self.lm.parameters()):
            raise ValueError(
                f'model.language_model.quantization={self.quantization!r} is for a frozen language model: set '
                'model.freeze_language_model=True, or quantization=None.'
            )
        return quantize_linears(self.lm.get_submodule(self.layers_path), self.quantization)

    @contextmanager
    def conditioned(self, visual_tokens: Tensor, prompt_length: int | None = None) -> Iterator[MediaContext]:
        """Lets the language model see media for as long as the `with` block lasts.

        Args:
            visual_tokens: (B, M, K, D), output of the resampler. The language model may run with B
                rows or a multiple of it, the rows of a sample side by side.
            prompt_length: Tokens from this position on are generated ones; None if there are none.

        Yields:
            MediaContext: What the blocks read.
        """
        dtype = next(self.gated_cross_attn_layers.parameters()).dtype
        outer = self.context
        self.context = MediaContext(visual_tokens.to(dtype), self.media_index, self.image_token_id, prompt_length)
        try:
            yield self.context
        finally:
            self.context = outer

    def forward(
        self, visual_tokens: Tensor, input_ids: Tensor, attention_mask: Tensor, where: Tensor | None = None
    ) -> Tensor:
        """Logits of the next token at every position, or at some.

        Args:
            visual_tokens: (B, M, K, D), output of the resampler.
            input_ids: (B, L), padded on either side.
            attention_mask: (B, L), 1 for text and 0 for padding.
            where: (B, L), True at the T positions whose logits are wanted: with a large vocabulary the others cost
                much time and memory. None for all.

        Returns:
            Tensor: (B, L, vocab_size), or (T, vocab_size) in the order of the positions.
        """
        kwargs = {'attention_mask': attention_mask, 'use_cache': False}
        if 'position_ids' in self.lm_arguments:
            kwargs['position_ids'] = (attention_mask.cumsum(-1) - 1).clamp(min=0)
        with self.conditioned(visual_tokens), self._head_at(where):
            logits = self.lm(input_ids=input_ids, **kwargs).logits
        return logits if where is None else logits[0]

    @contextmanager
    def _head_at(self, where: Tensor | None) -> Iterator[None]:
        """Lets the last projection see only the T positions of (B, L) that are True, as a batch of one, (1, T, D)."""
        if where is None:
            yield
            return
        head = self.lm.get_output_embeddings()
        with head.register_forward_pre_hook(lambda head, args: (args[0][where][None],)):
            yield

    def _add_hooks(self, layers: nn.ModuleList) -> None:
        # Bound methods and partials of them, no closures: a deep copy of the adapter (mmengine's
        # EMA makes one) then has hooks that belong to the copy.
        if self.cache_argument != 'cache':
            self.lm.register_forward_pre_hook(self._rename_cache, with_kwargs=True)
        self.lm.register_forward_pre_hook(self._read_tokens, with_kwargs=True)
        for n, block in self.gated_cross_attn_layers.items():
            layers[int(n)].register_forward_pre_hook(partial(self._attend, block), with_kwargs=True)
        if self.activation_checkpointing:
            # Only forward is checkpointed, so the recomputation runs no hooks and needs no context.
            # transformers' own switch does nothing to layers in evaluation mode, like frozen ones.
            for layer in layers:
                layer.forward = partial(checkpoint, layer.forward, use_reentrant=False)

    def _rename_cache(self, lm: nn.Module, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
        """What `generate` calls `cache`, by the name that older code knows: it would write without its cache, silently."""
        if 'cache' in kwargs:
            kwargs = {**kwargs, self.cache_argument: kwargs['cache']}
            del kwargs['cache']
        return args, kwargs

    def _read_tokens(self, lm: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
        if self.context is None:
            return
        input_ids = args[0] if args else kwargs.get('input_ids')
        if input_ids is None:
            raise ValueError('A conditioned language model needs input_ids to see where media are.')
        cache = kwargs.get(self.cache_argument)
        past_length = 0 if cache is None else int(cache.get_seq_length())
        self.context.read(input_ids, past_length)

    def _attend(
        self, block: nn.Module, layer: nn.Module, args: tuple, kwargs: dict[str, Any]
    ) -> tuple[tuple, dict[str, Any]] | None:
        if self.context is None:
            return None
        if self.activation_checkpointing:
            block = partial(checkpoint, block, use_reentrant=False)
        if not args:
            return args, {**kwargs, 'hidden_states': block(kwargs['hidden_states'], self.context)}
        hidden_states, *others = args
        return (block(hidden_states, self.context), *others), kwargs
