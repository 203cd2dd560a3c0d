"""Prompts of different lengths for the tests of searches, and a model that ends its texts."""

import torch

END_OF_CHUNK, IMAGE, PAD = 40, 41, 42


def prompts(batch=6, beginning=(), seed=0):
    """Prompts of 6 to 11 tokens with one or two media, after a common beginning."""
    generator = torch.Generator().manual_seed(seed)
    length = 11 + len(beginning)
    input_ids = torch.full((batch, length), PAD)
    for row in range(batch):
        own = torch.randint(3, 40, (6 + row % 6,), generator=generator)
        own[[0, 3]] = IMAGE
        if row % 2:
            own[0] = 7
        text = torch.cat([torch.tensor(beginning, dtype=torch.long), own])
        input_ids[row, length - len(text) :] = text
    visual_tokens = torch.randn(batch, 2, 3, 16, generator=generator)
    return visual_tokens, input_ids, (input_ids != PAD).long()


def alone(batch, row):
    """One sample of a batch, without padding."""
    visual_tokens, input_ids, mask = batch
    is_text = mask[row].bool()
    return visual_tokens[row : row + 1], input_ids[row : row + 1, is_text], mask[row : row + 1, is_text]


def make_ends_likely(adapter, bias=3.0):
    adapter.lm.get_output_embeddings().register_forward_hook(
        lambda module, args, logits: logits + bias * torch.eye(43)[END_OF_CHUNK]
    )
