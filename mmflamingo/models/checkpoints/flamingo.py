"""Flamingos of OpenFlamingo (v1 and v2) and OpenMMLab, whose keys are the same but for the vision encoder's.

Key tables: RULES read theirs, INVERSE writes them.
"""

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from .clip_vision import OPENAI, OPENMMLAB, clip_vision_in_layout, clip_vision_state_dict

# Their beginnings; {layers} is the path of the decoder layers in the language model.
RULES = (
    (r'perceiver\.', 'resampler.'),
    (r'lang_encoder\.gated_cross_attn_layers\.', 'language_model.gated_cross_attn_layers.'),
    (r'lang_encoder\.{layers}\.(\d+)\.gated_cross_attn_layer\.', r'language_model.gated_cross_attn_layers.\1.'),
    (r'lang_encoder\.{layers}\.(\d+)\.decoder_layer\.', r'language_model.lm.{layers}.\1.'),
    (r'lang_encoder\.old_decoder_blocks\.', r'language_model.lm.{layers}.'),
    (r'lang_encoder\.embed_out\.', 'language_model.lm.lm_head.'),  # GPT-NeoX in old transformers
    (r'lang_encoder\.', 'language_model.lm.'),
)
INVERSE = (
    (r'resampler\.', 'perceiver.'),
    (r'language_model\.gated_cross_attn_layers\.(\d+)\.', r'lang_encoder.{layers}.\1.gated_cross_attn_layer.'),
    (r'language_model\.lm\.{layers}\.(\d+)\.', r'lang_encoder.{layers}.\1.decoder_layer.'),
    (r'language_model\.lm\.', 'lang_encoder.'),
)
# The second names that OpenFlamingo v1 writes, after the first ones.
SECOND_NAMES = (
    (r'lang_encoder\.{layers}\.(\d+)\.gated_cross_attn_layer\.', r'lang_encoder.gated_cross_attn_layers.\1.'),
    (r'lang_encoder\.{layers}\.(\d+)\.decoder_layer\.', r'lang_encoder.old_decoder_blocks.\1.'),
)
SYSTEMS = ('mmflamingo', 'openmmlab', 'openflamingo_v1', 'openflamingo_v2')
VISION = 'vision_encoder.'
# No parameters, but in files of old transformers: rotary frequencies, causal masks and what they fill in. OpenFlamingo 4B's
# file has them.
COMPUTED = re.compile(r'(lang_encoder|language_model\.lm)\..*\.(rotary_emb\.inv_freq|(attn|attention)\.(masked_)?bias)')


def flamingo_state_dict(state_dict: Mapping[str, Tensor], layers_path: str) -> dict[str, Tensor]:
    """Translates the keys of a Flamingo, whole or in part.

    OpenFlamingo's models hold gated blocks and decoder layers under two names each; a file may have
    either or both.

    Args:
        state_dict: Of OpenFlamingo v1 or v2, OpenMMLab, or of this project, which stays as it is.
        layers_path: Path of the decoder layers in the language model, such as 'model.layers'.

    Returns:
        dict: The keys of `Flamingo`.

    Raises:
        ValueError: Two names of one parameter hold different values, or the vision encoder has an
            unknown layout.
    """
    if not any(key.startswith(('perceiver.', 'lang_encoder.', VISION)) for key in state_dict):
        return dict(state_dict)
    translated: dict[str, Tensor] = {}
    for key, value in state_dict.items():
        if key.startswith(VISION) or COMPUTED.fullmatch(key):
            continue
        ours = _rename(key, RULES, layers_path)
        if ours in translated and not torch.equal(translated[ours], value):
            raise ValueError(f'{key} differs from another entry of the file for the same parameter, {ours}.')
        translated[ours] = value
    vision = {key: value for key, value in state_dict.items() if key.startswith(VISION)}
    if vision:
        own = clip_vision_state_dict(vision)
        translated |= {f'vision_backbone.{key}': value for key, value in own.items()}
    return translated


def checkpoint_for(state_dict: Mapping[str, Tensor], system: str, layers_path: str) -> dict:
    """Writes a Flamingo, whole or in part, as another system does.

    Args:
        state_dict: Keys of `Flamingo`.
        system: One of SYSTEMS.
        layers_path: Path of the decoder layers in the language model, such as 'model.layers'.

    Returns:
        dict: What to save.

    Raises:
        ValueError: There are parameters that the system doesn't have.
    """
    if system == 'mmflamingo':
        return {'state_dict': dict(state_dict)}
    own = [key for key in state_dict if key.startswith('language_model.token_rows.')]
    if own:
        raise ValueError(
            f'{own[0]} was trained beside the embeddings (train_token_embeddings); {system} has no such parameter.'
        )
    vision = {
        key.removeprefix('vision_backbone.'): v for key, v in state_dict.items() if key.startswith('vision_backbone.')
    }
    others = {key: value for key, value in state_dict.items() if not key.startswith('vision_backbone.')}
    theirs = {_rename(key, INVERSE, layers_path): value for key, value in others.items()}
    layout = OPENMMLAB if system == 'openmmlab' else OPENAI
    theirs |= {f'{VISION}{key}': value for key, value in clip_vision_in_layout(vision, layout).items()}
    if system == 'openmmlab':
        return {'state_dict': theirs}
    if system == 'openflamingo_v2':
        return {'model_state_dict': {f'module.{key}': value for key, value in theirs.items()}}
    return {**theirs, **{_rename(key, SECOND_NAMES, layers_path): value for key, value in theirs.items()}}


def _rename(key: str, rules: Sequence[tuple[str, str]], layers_path: str) -> str:
    for pattern, replacement in rules:
        pattern = pattern.replace('{layers}', re.escape(layers_path))
        renamed, found = re.subn(f'^{pattern}', replacement.replace('{layers}', layers_path), key)
        if found:
            return renamed
    return key
