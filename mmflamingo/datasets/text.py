"""Plain text for the pretraining of a language model."""

from pathlib import Path

import torch
from torch.utils.data import Dataset

from mmflamingo.registry import DATASETS, TOKENIZERS


@DATASETS.register_module()
class TextBlocks(Dataset):
    """A text file, one document a line, as one stream of tokens cut into blocks of equal length.

    Every document is preceded by the tokenizer's BOS token. The last, incomplete block is dropped.

    Args:
        ann_file: The text file.
        tokenizer: Config of the tokenizer.
        block_size: Tokens a block.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file holds less than one block.
    """

    def __init__(self, ann_file: str, tokenizer: dict, block_size: int = 384):
        path = Path(ann_file)
        if not path.is_file():
            raise FileNotFoundError(
                f'ann_file={ann_file!r} does not exist. For EmojiScenes, make it with '
                '`python tools/dataset_converters/emoji_scenes.py --splits text`.'
            )
        documents = path.read_text(encoding='utf-8').splitlines()
        encoded = TOKENIZERS.build(tokenizer).hf(documents).input_ids
        stream = torch.tensor([token for ids in encoded for token in ids])
        if len(stream) < block_size:
            raise ValueError(f'{ann_file} has {len(stream)} tokens, fewer than one block of {block_size}.')
        self.blocks = stream[: len(stream) // block_size * block_size].view(-1, block_size)

    def __len__(self) -> int:
        return len(self.blocks)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        """`{'inputs': (block_size,) token ids}`."""
        return {'inputs': self.blocks[index]}
