"""Folders that the systems read: a language model and a tokenizer in Hugging Face's layout."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from sentencepiece import SentencePieceTrainer
from transformers import AutoConfig, AutoModelForCausalLM

from .setups import VOCAB_SIZE
from .weights import fill

TOKENIZER_CONFIG = {
    'tokenizer_class': 'LlamaTokenizer',
    'bos_token': '<s>',
    'eos_token': '</s>',
    'unk_token': '<unk>',
    'add_bos_token': True,
    'add_eos_token': False,
    'legacy': True,
}


def write_language_model(config: Mapping, folder: Path) -> None:
    """Writes a config by hand and weights for it by torch, which old and new transformers read."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'config.json').write_text(json.dumps({**config, 'torch_dtype': 'float32'}, indent=2))
    lm = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
    fill(lm)
    torch.save(lm.state_dict(), folder / 'pytorch_model.bin')


def write_tokenizer(sentences: Iterable[str], folder: Path, vocab_size: int = VOCAB_SIZE) -> None:
    """Trains a sentencepiece vocabulary as LLaMA has one."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / 'tokenizer.model').open('wb') as model:
        SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=model,
            model_type='bpe',
            vocab_size=vocab_size,
            character_coverage=1.0,
            byte_fallback=False,
            num_threads=1,
            minloglevel=2,
        )
    (folder / 'tokenizer_config.json').write_text(json.dumps(TOKENIZER_CONFIG))
