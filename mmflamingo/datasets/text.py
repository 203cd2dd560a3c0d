"""Plain text for the pretraining of a language model."""

import re
from pathlib import Path

import torch
from torch.utils.data import Dataset

from mmflamingo.files import check_regular
from mmflamingo.registry import DATASETS, TOKENIZERS

from .reading import read_text


@DATASETS.register_module()
class TextBlocks(Dataset):
    """A text file, one document a line, as one stream of tokens cut into blocks of equal length.

    Every document is preceded by the tokenizer's BOS token. The last, incomplete block is dropped.

    Args:
        ann_file: The text file.
        tokenizer: Config of the tokenizer.
        block_size: Tokens a block.
        emphasis: Regular expressions of texts that the loss counts more than once, with how often, e.g.
            `{r'(?<=Short answer:)[^<]+': 8}`. None: all tokens count alike, and the blocks carry no weights.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file holds less than one block, or is not a text in UTF-8.
    """

    def __init__(self, ann_file: str, tokenizer: dict, block_size: int = 384, emphasis: dict[str, float] | None = None):
        path = Path(ann_file)
        if not path.is_file():
            raise FileNotFoundError(
                f'ann_file={ann_file!r} does not exist. For EmojiScenes, make it with '
                '`python tools/dataset_converters/emoji_scenes.py --splits text`.'
            )
        check_regular(path)
        documents = read_text(ann_file, 'ann_file').splitlines()
        encoded = TOKENIZERS.build(tokenizer).hf(documents, return_offsets_mapping=emphasis is not None)
        self.blocks = _cut_into_blocks(encoded.input_ids, block_size, ann_file)
        self.weights = None
        if emphasis is not None:
            weights = [
                _token_weights(text, offsets, emphasis)
                for text, offsets in zip(documents, encoded.offset_mapping, strict=True)
            ]
            self.weights = _cut_into_blocks(weights, block_size, ann_file)

    def __len__(self) -> int:
        return len(self.blocks)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        """`{'inputs': (block_size,) token ids}`, with `emphasis` also `{'weights': (block_size,)}`."""
        item = {'inputs': self.blocks[index]}
        return item if self.weights is None else {**item, 'weights': self.weights[index]}


def _cut_into_blocks(documents: list[list], block_size: int, ann_file: str) -> torch.Tensor:
    stream = torch.tensor([value for values in documents for value in values])
    if len(stream) < block_size:
        raise ValueError(f'{ann_file} has {len(stream)} tokens, fewer than one block of {block_size}.')
    return stream[: len(stream) // block_size * block_size].view(-1, block_size)


def _token_weights(text: str, offsets: list[tuple[int, int]], emphasis: dict[str, float]) -> list[float]:
    """The weight of each token of `text`: that of the expression in whose match it begins, else 1."""
    of_character = [1.0] * (len(text) + 1)
    for pattern, weight in emphasis.items():
        for match in re.finditer(pattern, text):
            of_character[match.start() : match.end()] = [float(weight)] * (match.end() - match.start())
    return [of_character[start] if end > start else 1.0 for start, end in offsets]
