"""Trains the byte-level BPE tokenizer of flamingo-tiny on the text of EmojiScenes (some seconds).

    python tools/dataset_converters/train_tokenizer.py --text data/emoji_scenes/text/train.txt --out checkpoints/flamingo-tiny/tokenizer

The Flamingo tokens `<|endofchunk|>`, `<image>` and `<PAD>` are part of its vocabulary from the start.
"""

import argparse
from itertools import islice
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from mmflamingo.engine.config.cli import user_errors
from mmflamingo.files import check_output_folder, check_regular, replacing_files

SPECIAL_TOKENS = ('<s>', '</s>', '<|endofchunk|>', '<image>', '<PAD>')


def train_tokenizer(documents, vocab_size: int) -> PreTrainedTokenizerFast:
    """A fast tokenizer that puts `<s>` first; every byte is in its alphabet, so no text is unknown to it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((text.replace('<|endofchunk|>', '\n') for text in documents), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single='<s> $A', special_tokens=[('<s>', 0)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token='<s>',
        eos_token='</s>',
        pad_token='<PAD>',
        additional_special_tokens=['<|endofchunk|>', '<image>'],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--text', type=Path, required=True, help='one document a line')
    parser.add_argument('--out', type=Path, required=True, help='folder of the tokenizer')
    parser.add_argument('--vocab-size', type=int, default=1024)
    parser.add_argument('--documents', type=int, default=20_000, help='how many lines to learn from')
    args = parser.parse_args()
    with user_errors():
        check_output_folder(args.out)
        with check_regular(args.text).open() as file:
            tokenizer = train_tokenizer(islice(file, args.documents), args.vocab_size)
        with replacing_files(args.out) as draft:
            tokenizer.save_pretrained(draft)
    print(f'{len(tokenizer)} tokens in {args.out}')


if __name__ == '__main__':
    main()
