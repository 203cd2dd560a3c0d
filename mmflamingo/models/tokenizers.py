"""From prompts to token ids and back."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from torch import Tensor

from mmflamingo.prompts import END_OF_CHUNK_TOKEN, IMAGE_TOKEN, Prompt
from mmflamingo.registry import TOKENIZERS

from .hf_source import locate_pretrained, reading

PAD_TOKEN = '<PAD>'
IGNORE_INDEX = -100
LOSS_ON = ('output', 'all')


@dataclass(frozen=True)
class TokenizedPrompt:
    """Token ids of one prompt, BOS first, and which of them the model is to write."""

    ids: list[int]
    is_output: list[bool]

    def __len__(self) -> int:
        return len(self.ids)


@TOKENIZERS.register_module()
class FlamingoTokenizer:
    """A Hugging Face tokenizer with the tokens of Flamingo, checked.

    `<|endofchunk|>`, `<image>` and, where there is no padding token, `<PAD>` get the next free ids
    in this order unless the vocabulary has them.

    Args:
        pretrained: Folder of the tokenizer, a `.gguf` file that holds one, or `hf://organisation/name`.
        hf_class: Class of transformers that reads it.
        vocab_size: Expected number of tokens before Flamingo's are added; None accepts any but an
            empty vocabulary.
        add_bos: Put the beginning-of-sequence token first.
        **kwargs: Arguments of the Hugging Face tokenizer. LLaMA's first release needs `legacy=True,
            bos_token='<s>', eos_token='</s>', unk_token='<unk>'`.

    Attributes:
        hf (PreTrainedTokenizerBase): The tokenizer itself.
        base_vocab_size (int): Tokens before Flamingo's were added.
        unwritable_token_ids (list[int]): Added tokens that no text has: `<image>`, and padding unless it is also the
            language model's own beginning, end or unknown token.

    Raises:
        FileNotFoundError: The folder does not exist.
        ValueError: There is no usable tokenizer in it, or its vocabulary is not the expected one.
    """

    def __init__(
        self,
        pretrained: str,
        hf_class: str = 'AutoTokenizer',
        vocab_size: int | None = None,
        add_bos: bool = True,
        **kwargs: Any,
    ) -> None:
        self.hf = _load(pretrained, hf_class, kwargs)
        self.base_vocab_size = len(self.hf)
        self._check_vocabulary(pretrained, vocab_size)
        if add_bos and self.hf.bos_token_id is None:
            raise ValueError(
                f'The tokenizer in {pretrained!r} has no beginning-of-sequence token: set '
                'model.tokenizer.bos_token, or model.tokenizer.add_bos=False if its language model '
                'works without one.'
            )
        self.hf.add_tokens([END_OF_CHUNK_TOKEN, IMAGE_TOKEN], special_tokens=True)
        if self.hf.pad_token is None:
            self.hf.add_special_tokens({'pad_token': PAD_TOKEN})
        self.end_of_chunk_token_id = self.hf.convert_tokens_to_ids(END_OF_CHUNK_TOKEN)
        self.image_token_id = self.hf.convert_tokens_to_ids(IMAGE_TOKEN)
        self.pad_token_id = self.hf.pad_token_id
        self._prefix = [self.hf.bos_token_id] if add_bos else []
        is_only_padding = self.pad_token_id not in (self.hf.bos_token_id, self.hf.eos_token_id, self.hf.unk_token_id)
        self.unwritable_token_ids = [self.image_token_id, *([self.pad_token_id] if is_only_padding else [])]

        special_ids = {token.content: i for i, token in self.hf.added_tokens_decoder.items() if token.special}
        longest_first = sorted(special_ids, key=len, reverse=True)
        self._special_pattern = re.compile('|'.join(map(re.escape, longest_first)))
        # Unknown words are no attempt at a special token, unless <unk> has other duties as well.
        ends = (self.hf.bos_token_id, self.hf.eos_token_id)
        self._special_ids = {token: i for token, i in special_ids.items() if i in ends or i != self.hf.unk_token_id}

    def __len__(self) -> int:
        """Number of tokens, Flamingo's included."""
        return len(self.hf)

    def encode(
        self,
        prompts: Sequence[Prompt],
        train: bool,
        max_length: int | None = None,
        loss_on: str = 'output',
    ) -> dict[str, Tensor]:
        """Turns prompts into one batch.

        Args:
            prompts: B prompts.
            train: Training batches are padded on the right and get labels, others are padded on the
                left.
            max_length: Most tokens a prompt may have; None for no limit.
            loss_on: The loss counts only 'output' tokens, or 'all' text.

        Returns:
            dict: `input_ids` and `attention_mask` (B, L), and for training `labels` (B, L), -100
                where no loss counts.

        Raises:
            ValueError: A prompt is too long.
        """
        tokenized = [self.tokenize(prompt) for prompt in prompts]
        longest = max(map(len, tokenized))
        if max_length is not None and longest > max_length:
            raise ValueError(f'A prompt has {longest} tokens, max_length is {max_length}.')
        return self.pad(tokenized, train, loss_on)

    def tokenize(self, prompt: Prompt) -> TokenizedPrompt:
        """Token ids of one prompt.

        The text is tokenised as a whole, as it was for the language model; a token that reaches
        into an output segment counts as output.

        Raises:
            ValueError: Text from the data became a special token in spite of everything.
        """
        text, outputs = '', []
        for segment in prompt:
            start = len(text)
            text += self.defuse(segment.text) if segment.is_user else segment.text
            if segment.is_output:
                outputs.append((start, len(text)))
        encoded = self.hf(text, add_special_tokens=False, return_offsets_mapping=True)
        ids = encoded['input_ids']
        self._check_special_tokens(prompt, ids)
        is_output = [
            any(start < output_end and end > output_start for output_start, output_end in outputs)
            for start, end in encoded['offset_mapping']
        ]
        return TokenizedPrompt(self._prefix + ids, [False] * len(self._prefix) + is_output)

    def pad(self, tokenized: Sequence[TokenizedPrompt], train: bool, loss_on: str = 'output') -> dict[str, Tensor]:
        """Joins tokenised prompts into one batch; arguments and result as in `encode`."""
        length = max(map(len, tokenized))
        input_ids = torch.full((len(tokenized), length), self.pad_token_id)
        attention_mask = torch.zeros_like(input_ids)
        labels = torch.full_like(input_ids, IGNORE_INDEX)
        for row, prompt in enumerate(tokenized):
            place = slice(0, len(prompt)) if train else slice(length - len(prompt), length)
            ids = input_ids[row, place] = torch.tensor(prompt.ids)
            attention_mask[row, place] = 1
            labels[row, place] = ids.masked_fill(~self._counts(prompt, loss_on), IGNORE_INDEX)
        batch = {'input_ids': input_ids, 'attention_mask': attention_mask}
        return {**batch, 'labels': labels} if train else batch

    def tokenize_choices(
        self, prompt: Prompt, choices: Sequence[str], with_end: bool = False, in_context: bool = True
    ) -> list[tuple[int, ...]]:
        """Token ids of texts that may follow a prompt.

        Args:
            prompt: What they follow; its last segment decides how they begin.
            choices: C texts.
            with_end: Put `<|endofchunk|>` after each.
            in_context: As they are tokenised after the prompt; False: alone.

        Returns:
            list: C tuples of ids, none empty; those of equal texts are equal.

        Raises:
            ValueError: A choice has no tokens, or the same as another text, or its beginning and the end of the prompt
                make one token.
        """
        before = self.defuse(prompt[-1].text) if prompt[-1].is_user else prompt[-1].text
        before = before if in_context else ''
        texts = [before, *(before + self.defuse(choice) for choice in choices)]
        prefix, *encoded = self.hf(texts, add_special_tokens=False)['input_ids']
        end = (self.end_of_chunk_token_id,) if with_end else ()
        candidates: list[tuple[int, ...]] = []
        choice_of: dict[tuple[int, ...], str] = {}
        for choice, ids in zip(choices, encoded, strict=True):
            if ids[: len(prefix)] != prefix:
                raise ValueError(
                    f'The choice {choice!r} forms a token with the end of the prompt, {before!r}: end the `query` of '
                    'the prompt template in another way.'
                )
            own = (*ids[len(prefix) :], *end)
            if len(own) == len(end):
                raise ValueError(f'The choice {choice!r} has no tokens, so it cannot be ranked. Leave it out.')
            if choice_of.setdefault(own, choice) != choice:
                raise ValueError(f'The choices {choice_of[own]!r} and {choice!r} have the same tokens. Leave one out.')
            candidates.append(own)
        return candidates

    def decode(self, ids: Tensor) -> list[str]:
        """Texts of B rows of ids, without special tokens."""
        return self.hf.batch_decode(ids, skip_special_tokens=True)

    def defuse(self, text: str) -> str:
        """Puts a space into everything in a text that reads like a special token."""
        while match := self._special_pattern.search(text):
            token = match.group()
            text = text.replace(token, f'{token[0]} {token[1:]}' if len(token) > 1 else '')
        return text

    def _counts(self, prompt: TokenizedPrompt, loss_on: str) -> Tensor:
        if loss_on == 'output':
            return torch.tensor(prompt.is_output)
        silent = {self.image_token_id, self.pad_token_id, *self._prefix}
        return torch.tensor([i not in silent for i in prompt.ids])

    def _check_special_tokens(self, prompt: Prompt, ids: list[int]) -> None:
        """Only the template makes special tokens, not what it and the data form together."""
        template = ' '.join(segment.text for segment in prompt if not segment.is_user)
        tokens = self._special_pattern.findall(template)
        expected = [self._special_ids[token] for token in tokens if token in self._special_ids]
        special_ids = set(self._special_ids.values())
        found = [i for i in ids if i in special_ids]
        if found != expected:
            raise ValueError(
                f'The template has the special tokens {self.hf.convert_ids_to_tokens(expected)}, '
                f'the prompt {self.hf.convert_ids_to_tokens(found)}: text of the data formed one '
                f'with what is beside it. Change the template: {prompt.text!r}'
            )

    def _check_vocabulary(self, pretrained: str, vocab_size: int | None) -> None:
        if not self.hf.is_fast:
            raise ValueError(
                f'The tokenizer in {pretrained!r} is a {type(self.hf).__name__}, which does not '
                'tell where in the text a token comes from. Use one that the tokenizers library '
                'runs.'
            )
        ordinary = self.base_vocab_size - len(set(self.hf.all_special_ids))
        if ordinary <= 0:
            raise ValueError(
                f'The tokenizer in {pretrained!r} knows only {self.base_vocab_size} special '
                'tokens: its vocabulary file is missing. Put tokenizer.json or tokenizer.model '
                'there.'
            )
        if vocab_size is not None and vocab_size != self.base_vocab_size:
            raise ValueError(
                f'The tokenizer in {pretrained!r} has {self.base_vocab_size} tokens, '
                f'model.tokenizer.vocab_size is {vocab_size}: it is not the tokenizer of this '
                'language model.'
            )


def _load(pretrained: str, hf_class: str, kwargs: dict[str, Any]) -> transformers.PreTrainedTokenizerBase:
    reader = getattr(transformers, hf_class, None)
    if not hasattr(reader, 'from_pretrained'):
        raise ValueError(
            f'model.tokenizer.hf_class = {hf_class!r} is not a tokenizer of transformers; '
            "'AutoTokenizer' and 'LlamaTokenizer' are some."
        )
    if 'trust_remote_code' in kwargs:
        raise ValueError(f'model.tokenizer.trust_remote_code: code that lies beside {pretrained!r} is never run.')
    key = 'model.tokenizer.pretrained'
    name, location = locate_pretrained(pretrained, key)
    with reading(f'tokenizer of the class {hf_class}', pretrained, key):
        return reader.from_pretrained(name, **location, **kwargs)
