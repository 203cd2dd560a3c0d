"""How fast the machine could be: the operations that a test can't do without, and the rate of its matrix products."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from mmflamingo.models import Flamingo


@dataclass
class Work:
    """What a test was asked for, however it does it.

    Attributes:
        media: Keys of the media.
        prompts: Token ids of the prompts.
        blind: How many tokens each prompt begins with that see no medium.
        decoded: Tokens that were generated and read again, all beams together.
    """

    media: set = field(default_factory=set)
    prompts: list[Sequence[int]] = field(default_factory=list)
    blind: list[int] = field(default_factory=list)
    decoded: int = 0


@contextmanager
def watched(model: Flamingo) -> Iterator[Work]:
    """Notes what a model is asked for."""
    work, adapter = Work(), model.language_model

    def note_batch(preprocessor: nn.Module, args: tuple, batch: dict) -> None:
        work.media.update(key for keys in batch['media_keys'] for key in keys)
        ids, mask = batch['input_ids'], batch['attention_mask'].bool()
        nothing = ids.new_zeros(len(ids)), mask.new_zeros(ids.shape[1])  # no medium seen before, no token generated
        index = adapter.media_index(ids == adapter.image_token_id, *nothing)
        work.prompts += [row[real].tolist() for row, real in zip(ids, mask, strict=True)]
        work.blind += [int((row[real] == 0).cumprod(0).sum()) for row, real in zip(index, mask, strict=True)]

    def note_tokens(lm: nn.Module, args: tuple, kwargs: dict) -> None:
        if not adapter.context.reads_prompt:
            work.decoded += kwargs['input_ids'].numel()

    with (
        model.data_preprocessor.register_forward_hook(note_batch),
        adapter.lm.register_forward_pre_hook(note_tokens, with_kwargs=True),
    ):
        yield work


def fewest_flops(model: Flamingo, work: Work, medium_shape: Sequence[int]) -> float:
    """Floating-point operations that the work needs at least.

    Every medium is encoded once; every token of a prompt is read once, and those that all prompts begin with and that see
    no medium once in all; the vocabulary is looked at only where a token is chosen. Norms, activations and softmax are not counted.

    Args:
        model: The model.
        work: What it was asked for.
        medium_shape: (F, 3, H, W).
    """
    adapter = model.language_model
    layers, blocks = adapter.lm.get_submodule(adapter.layers_path), adapter.gated_cross_attn_layers
    to_kv = sum(block.attn.to_kv.weight.numel() for block in blocks.values())
    per_token = 2 * (_matrices(layers) + _matrices(blocks) - to_kv)
    num_latents = model.resampler.latents.shape[0]
    inner = sum(block.attn.to_q.out_features for block in blocks.values())
    seen = 4 * num_latents * inner  # cross-attention of a token to its medium
    vocabulary = 2 * adapter.lm.get_output_embeddings().weight.numel()
    width = adapter.lm.get_input_embeddings().embedding_dim
    per_pair = 4 * width * len(layers)  # a token that attends to another one

    common = min(_common_length(work.prompts), *work.blind)
    lengths = [len(prompt) for prompt in work.prompts]
    read = sum(lengths) - common * (len(lengths) - 1)
    pairs = sum(length**2 - common**2 for length in lengths) / 2 + common**2 / 2
    context = sum(lengths) / len(lengths)
    encoding = len(work.media) * (_encoding_flops(model, medium_shape) + 2 * num_latents * to_kv)
    reading = read * (per_token + seen) + pairs * per_pair + len(lengths) * vocabulary
    writing = work.decoded * (per_token + seen + vocabulary + context * per_pair)
    return encoding + reading + writing


def gemm_rate(dtype: torch.dtype, device: torch.device, size: int = 2048, turns: int = 8) -> float:
    """Operations a second in products of square matrices; the best of several turns."""
    a, b = (torch.rand(size, size, device=device).to(dtype) for _ in range(2))
    best = float('inf')
    for _ in range(turns):
        start = time.perf_counter()
        (a @ b)[0, 0].item()
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


def _matrices(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters() if weight.ndim == 2)


def _common_length(prompts: Sequence[Sequence[int]]) -> int:
    columns = zip(*prompts, strict=False)
    return next((place for place, ids in enumerate(columns) if len(set(ids)) > 1), min(map(len, prompts)))


@torch.enable_grad()  # the counter's own hooks fail without
def _encoding_flops(model: Flamingo, shape: Sequence[int]) -> int:
    device = next(model.parameters()).device
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        model.encode_media(torch.zeros(1, 1, *shape, device=device), torch.ones(1, dtype=torch.long, device=device))
    return counter.get_total_flops()
