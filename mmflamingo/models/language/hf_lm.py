"""Hugging Face causal language models, from a folder or a config, with a row for every token."""

from typing import Any

import torch
from torch import nn
from transformers import (
    CONFIG_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    GenerationConfig,
    PreTrainedConfig,
    PreTrainedModel,
)

from ..hf_source import GGUF, locate_pretrained, reading
from ..hf_weights import load_pretrained

NEW_ROW_STD = 0.02
KEY = 'model.language_model'
MAX_NEW_ROWS = 3  # <|endofchunk|>, <image>, <PAD>
MAX_SPARE_ROWS = 0.1  # share of the rows; families round their vocabulary up, Phi by 2 %


def build_lm(pretrained: str | None, config: dict[str, Any] | None, dtype: str, **kwargs: Any) -> PreTrainedModel:
    """Builds a language model.

    Args:
        pretrained: Folder with the weights, a `.gguf` file, or `hf://organisation/name`.
        config: Instead of `pretrained`: `model_type` and fields of the Hugging Face configuration.
        dtype: Name of the weights' dtype.
        **kwargs: Further arguments of transformers' `from_pretrained` and `from_config`.

    Raises:
        FileNotFoundError: The folder does not exist.
        ValueError: Not exactly one of `pretrained` and `config` is given, or one can't be used.
    """
    kwargs['dtype'] = parse_dtype(dtype)
    if (pretrained is None) == (config is None):
        raise ValueError(
            'model.language_model takes either `pretrained`, a folder, or `config`, a dict with '
            f'model_type; given are pretrained={pretrained!r} and config={config!r}.'
        )
    if pretrained is not None:
        lm = _load(pretrained, kwargs)
    elif 'model_type' in config:
        lm = _from_config(config, kwargs)
        lm.tie_weights()  # transformers leaves it out together with the initialisation, see `no_init_weights`
    else:
        raise ValueError(f"model.language_model.config needs model_type, such as 'llama'; it has {list(config)}.")
    # A folder's sampling settings are not this project's.
    lm.generation_config = GenerationConfig()
    return lm


def _from_config(config: dict[str, Any], kwargs: dict[str, Any]) -> PreTrainedModel:
    """A model with random weights.

    Raises:
        ValueError: transformers does not take the configuration.
    """
    try:
        return AutoModelForCausalLM.from_config(AutoConfig.for_model(**config), **kwargs)
    except Exception as error:  # of any kind, by the family
        reason = ' '.join(str(error).split())
        raise ValueError(
            f'transformers cannot build the model of model.language_model.config: {reason:.300}'
        ) from error


def parse_dtype(name: str) -> torch.dtype:
    """The float dtype of a name such as 'bfloat16'."""
    dtype = getattr(torch, str(name), None)
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise ValueError(
            f"model.language_model.dtype is {name!r}, it must be a float type: 'float32', 'bfloat16' or 'float16'."
        )
    return dtype


def resize_token_embeddings(lm: PreTrainedModel, vocab_size: int) -> int:
    """Gives every token one row, and new rows the same values in every process and every run.

    Args:
        lm: The language model, changed in place.
        vocab_size: Number of tokens of the tokenizer. Rows beyond it are cut off.

    Returns:
        int: How many rows are new.

    Raises:
        ValueError: The numbers of rows and tokens are too far apart to belong together.
    """
    num_rows = len(lm.get_input_embeddings().weight)
    if not num_rows * (1 - MAX_SPARE_ROWS) <= vocab_size <= num_rows + MAX_NEW_ROWS:
        raise ValueError(
            f'The tokenizer has {vocab_size} tokens with added ones, but the language model has '
            f'{num_rows} embedding rows: model.tokenizer and model.language_model do not belong '
            'together.'
        )
    lm.resize_token_embeddings(vocab_size, mean_resizing=False)
    for module in (lm.get_input_embeddings(), lm.get_output_embeddings()):
        _fill_rows(module, num_rows)
    return max(vocab_size - num_rows, 0)


@torch.no_grad()
def _fill_rows(module: nn.Module, first: int) -> None:
    rows = module.weight[first:]
    noise = torch.randn(rows.shape, generator=torch.Generator().manual_seed(0), device='cpu')
    rows.copy_(noise * NEW_ROW_STD)


def _load(pretrained: str, kwargs: dict[str, Any]) -> PreTrainedModel:
    key = f'{KEY}.pretrained'
    if not kwargs.get('trust_remote_code'):
        _refuse_remote_code(pretrained, key)
    lm = load_pretrained(AutoModelForCausalLM, 'language model', pretrained, key, **kwargs)
    if pretrained.endswith(GGUF):  # its weights are whole again, and save_pretrained would refuse
        lm.hf_quantizer = None
        vars(lm.config).pop('quantization_config', None)
    return lm


def _refuse_remote_code(pretrained: str, key: str) -> None:
    """Raises if only Python code beside the weights can build the model: a choice that the config has to make."""
    name, location = locate_pretrained(pretrained, key)
    with reading('language model', pretrained, key):
        config, _ = PreTrainedConfig.get_config_dict(name, **location)
        code = (config.get('auto_map') or {}).get('AutoModelForCausalLM')
    if code and config.get('model_type') not in CONFIG_MAPPING:
        raise ValueError(
            f'The language model in {key} = {pretrained!r} ({config.get("model_type")!r}) is not one '
            f'that transformers has; the class {code} would run from a Python file beside the weights. That is done only for '
            f'a config that says so by {KEY}.trust_remote_code, once you have read that file.'
        )
