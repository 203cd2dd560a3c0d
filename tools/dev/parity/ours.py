"""The same models and inputs in mmflamingo."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from mmflamingo.engine.loading.fit import load_state_dict_strictly, state_dict_for
from mmflamingo.models import Flamingo
from mmflamingo.models.decoding.generation import generate
from mmflamingo.models.media.media_index import MEDIA_INDEX

from .setups import END_OF_CHUNK, HOSTS, PAD, VISION, VOCAB_SIZE, XATTN_EVERY


def small_model(host: str) -> dict:
    """What the small models have for the large ones' backbone and language model, as parts of a config."""
    return {
        'vision_backbone': {
            'type': 'CLIPVisionTransformer',
            'arch': {'embed_dims': VISION['width'], 'depth': VISION['layers'], 'heads': VISION['heads']},
            'img_size': VISION['image_size'],
            'patch_size': VISION['patch_size'],
        },
        'language_model': {
            'type': 'FlamingoLMAdapter',
            'config': {'model_type': host, **HOSTS[host]},
            'xattn_every': XATTN_EVERY,
        },
    }


def write_word_tokenizer(folder: Path) -> str:
    """A tokenizer of as many tokens as the models have, for inputs that are ids anyway."""
    words = ['<unk>', '<s>', '</s>', *(f'w{i}' for i in range(3, VOCAB_SIZE))]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token='<unk>'))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = {'unk_token': '<unk>', 'bos_token': '<s>', 'eos_token': '</s>'}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    return str(folder)


def build(host: str, checkpoint: Mapping, tokenizer: str) -> Flamingo:
    """A model with the weights of a peer's checkpoint, which is read as any other."""
    model = Flamingo(
        **small_model(host),
        resampler={'type': 'PerceiverResampler'},
        tokenizer={'type': 'FlamingoTokenizer', 'pretrained': tokenizer},
        prompts={},
        data_preprocessor={'type': 'FlamingoDataPreprocessor', 'mean': [0.0] * 3, 'std': [1.0] * 3},
    ).eval()
    load_state_dict_strictly(model, state_dict_for(model, checkpoint, 'the checkpoint of the peer'), 'it')
    return model


@torch.no_grad()
def run(model: Flamingo, case: Mapping[str, Tensor], generation: Mapping, modes: tuple[str, str]) -> dict[str, Tensor]:
    """Forward pass and generation, with what flows between the parts; `modes` are the mask modes of the two."""
    seen: dict[str, list[Tensor]] = defaultdict(list)  # in each pass; images take several

    def keep(name: str, module: torch.nn.Module):
        return module.register_forward_hook(lambda module, args, out: seen[name].append(out))

    adapter = model.language_model
    hooks = [keep('features', model.vision_backbone)]
    hooks += [keep(f'block {n}', block) for n, block in adapter.gated_cross_attn_layers.items()]
    images, text = case['images'].unsqueeze(2), (case['input_ids'], case['attention_mask'])
    visual_tokens = model.encode_media(images, torch.full((len(images),), images.shape[1]))
    adapter.media_index = MEDIA_INDEX[modes[0]]
    logits = adapter(visual_tokens, *text)
    for hook in hooks:
        hook.remove()
    adapter.media_index = MEDIA_INDEX[modes[1]]
    ids = generate(adapter, visual_tokens, *text, [END_OF_CHUNK], PAD, generation, banned_token_ids=[PAD])
    parts = {name: torch.cat(outputs) for name, outputs in seen.items()}
    return {**parts, 'visual tokens': visual_tokens, 'logits': logits, 'ids': ids}


def difference(ours: Tensor, theirs: Tensor, attention_mask: Tensor) -> float:
    """The largest difference in relation to the largest value; padding does not count."""
    if ours.shape[:2] == attention_mask.shape:
        ours, theirs = ours[attention_mask.bool()], theirs[attention_mask.bool()]
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


def written(ids: Tensor) -> list[list[int]]:
    """What was written before the end of chunk, row by row."""
    return [row[: row.index(END_OF_CHUNK)] if END_OF_CHUNK in row else row for row in ids.tolist()]
