"""Penn Treebank tokens of captions from Stanford's tokenizer, which comes with pycocoevalcap."""

from collections.abc import Sequence
from pathlib import Path

from pycocoevalcap.tokenizer import ptbtokenizer

from .java import JavaProgram
from .ptb_tokenizer import PUNCTUATION, tokenize

JAR = Path(ptbtokenizer.__file__).with_name(ptbtokenizer.STANFORD_CORENLP_3_4_1_JAR)
COMMAND = ('-cp', JAR, 'edu.stanford.nlp.process.PTBTokenizer', '-preserveLines', '-lowerCase')


def tokenize_with_java(captions: Sequence[str], seconds: float = 600) -> list[str]:
    """The tokens of each caption, as `ptb_tokenizer.tokenize` writes them.

    Unlike pycocoevalcap's own wrapper this one leaves no file behind, and as a full stop stands
    between each two captions, the end of one is never read together with the start of the next.
    Java would read a tag that is not closed on through the next captions, so a caption with '<' is left
    to our own tokenizer.

    Args:
        captions: Captions without line ends.
        seconds: Longest time that Java may take.

    Raises:
        OSError: There is no Java.
        RuntimeError: Java failed, took too long, or gave another number of lines than it was sent.
    """
    sent = [caption for caption in captions if '<' not in caption]
    with JavaProgram(COMMAND, seconds) as java:
        output = java.run(''.join(f'{caption}\n.\n' for caption in sent))
    lines = output.split('\n')[:-1]
    if len(lines) != 2 * len(sent):
        raise RuntimeError(f'Java gave {len(lines)} lines for {2 * len(sent)}.')
    told = iter(lines[::2])
    return [tokenize(caption) if '<' in caption else _without_marks(next(told)) for caption in captions]


def _without_marks(line: str) -> str:
    return ' '.join(token for token in line.rstrip().split(' ') if token not in PUNCTUATION)
