"""Models of transformers from files, with the checks of any checkpoint: nothing missing, left over, or out of shape."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.runner import CheckpointLoader
from torch import Tensor
from transformers import PreTrainedModel

from .checkpoints.fit import FLOATS, describe_keys, is_finite
from .hf_source import is_local, locate_pretrained, reading

# In the order in which transformers looks for them.
WEIGHTS = ('model.safetensors', 'model.safetensors.index.json', 'pytorch_model.bin', 'pytorch_model.bin.index.json')
# Buffers in files of old versions that new ones compute.
COMPUTED = re.compile(r'.*(rotary_emb\.inv_freq|(attn|attention|self_attention)\.(masked_)?bias|position_ids)')


def load_pretrained(auto_class: type, what: str, pretrained: str, key: str, **kwargs: Any) -> PreTrainedModel:
    """A model with the weights of a Hugging Face folder or GGUF file.

    Args:
        auto_class: AutoModelForCausalLM, AutoModel or the like.
        what: What it is, for errors.
        pretrained: See `locate_pretrained`.
        key: Config key that names it.
        **kwargs: Further arguments of `from_pretrained`.

    Raises:
        FileNotFoundError: The folder does not exist.
        ValueError: Its files can't be read, don't fit its config.json, or hold weights that can't be right.
    """
    name, location = locate_pretrained(pretrained, key)
    with reading(what, pretrained, key):
        tensors = _read(Path(name)) if is_local(pretrained) else {}
        arguments = {**location, **kwargs, 'output_loading_info': True, 'ignore_mismatched_sizes': True}
        model, info = auto_class.from_pretrained(name, **arguments)
    faults = _faults(model, info, tensors)
    if faults:
        lines = '\n'.join(f'{title}:\n{describe_keys(keys)}' for title, keys in faults.items())
        raise ValueError(
            f'The files in {key} = {pretrained!r} do not fit {type(model).__name__} with the settings of their config.json.\n'
            f'{lines}\nFetch them again, or correct config.json.'
        )
    return model


def _read(folder: Path) -> Mapping[str, Tensor]:
    """The tensors in a folder, mapped, after the checks of all checkpoints."""
    if not (folder / 'config.json').exists():
        raise ValueError('it has no config.json')
    file = next((folder / name for name in WEIGHTS if (folder / name).exists()), None)
    if file is None:
        raise ValueError(f'it has no weights: none of {", ".join(WEIGHTS)}')
    return CheckpointLoader.load_checkpoint(str(file), map_location='cpu')


def _faults(model: PreTrainedModel, info: Mapping, tensors: Mapping[str, Tensor]) -> dict[str, list[str]]:
    """What is wrong with loaded weights: sentences and keys."""
    own = model.state_dict(keep_vars=True)
    reshaped = [
        f'{key} {tuple(shape)} (config.json: {tuple(wanted)})' for key, shape, wanted in info['mismatched_keys']
    ]
    is_quantised = getattr(model.config, 'quantization_config', None) is not None
    prefix = f'{model.base_model_prefix}.'
    of_other_kind = [
        f'{key} {str(value.dtype).removeprefix("torch.")}'
        for key, value in tensors.items()
        if isinstance(value, Tensor) and value.dtype not in FLOATS and not is_quantised
        if any(name in own and own[name].is_floating_point() for name in (key, prefix + key))
    ]
    faults = {
        'missing': sorted(info['missing_keys']),
        'unexpected': sorted(key for key in info['unexpected_keys'] if _belongs(key, model)),
        'of another shape': sorted(reshaped),
        'not floats': of_other_kind,
        'NaN, infinite or too large for the dtype': _not_finite(own.items()),
        'two names, two values': _untied(model),
    }
    return {title: keys for title, keys in faults.items() if keys}


def _belongs(key: str, model: PreTrainedModel) -> bool:
    """Whether a weight that the model has no place for is one of its own parts: of a layer beyond its last, or a bias.

    Other parts of a larger model are left out on purpose.
    """
    parent = _numberless(key.rpartition('.')[0])
    modules = {_numberless(name) for name, _ in model.named_modules() if name}
    is_own = parent in modules or f'{model.base_model_prefix}.{parent}' in modules
    return is_own and not COMPUTED.fullmatch(key)


def _numberless(name: str) -> str:
    return re.sub(r'\b\d+\b', '#', name)


def _not_finite(weights: Iterable[tuple[str, Tensor]]) -> list[str]:
    with torch.no_grad():
        return [
            key
            for key, value in weights
            if value.is_floating_point() and value.dtype in FLOATS and not is_finite(value)
        ]


def _untied(model: PreTrainedModel) -> list[str]:
    """The output embeddings, if they differ from the input's and should not; code of others has rules of its own."""
    head, is_of_others = model.get_output_embeddings(), type(model).__module__.startswith('transformers_modules')
    if is_of_others or head is None or not getattr(model.config.get_text_config(), 'tie_word_embeddings', False):
        return []
    if torch.equal(head.weight, model.get_input_embeddings().weight):
        return []
    return [name for name, value in model.named_parameters() if value is head.weight]
