"""Flamingos of OpenFlamingo (v1 and v2) and OpenMMLab, whose keys are the same but for the vision encoder's."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from .clip_vision import clip_vision_state_dict

# Their beginnings; {layers} is the path of the decoder layers in the language model.
RULES = (
    (r'perceiver\.', 'resampler.'),
    (r'lang_encoder\.gated_cross_attn_layers\.', 'language_model.gated_cross_attn_layers.'),
    (r'lang_encoder\.{layers}\.(\d+)\.gated_cross_attn_layer\.', r'language_model.gated_cross_attn_layers.\1.'),
    (r'lang_encoder\.{layers}\.(\d+)\.decoder_layer\.', r'language_model.lm.{layers}.\1.'),
    (r'lang_encoder\.old_decoder_blocks\.', r'language_model.lm.{layers}.'),
    (r'lang_encoder\.', 'language_model.lm.'),
)
VISION = 'vision_encoder.'
COMPUTED = '.rotary_emb.inv_freq'  # in files of old transformers; no parameter


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
        if key.startswith(VISION) or key.endswith(COMPUTED):
            continue
        ours = _rename(key, layers_path)
        if ours in translated and not torch.equal(translated[ours], value):
            raise ValueError(f'{key} differs from another entry of the file for the same parameter, {ours}.')
        translated[ours] = value
    vision = {key: value for key, value in state_dict.items() if key.startswith(VISION)}
    if vision:
        own = clip_vision_state_dict(vision)
        translated |= {f'vision_backbone.{key}': value for key, value in own.items()}
    return translated


def _rename(key: str, layers_path: str) -> str:
    for pattern, replacement in RULES:
        pattern = pattern.replace('{layers}', re.escape(layers_path))
        renamed, found = re.subn(f'^{pattern}', replacement.replace('{layers}', layers_path), key)
        if found:
            return renamed
    return key
