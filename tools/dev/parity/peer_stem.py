"""OpenFlamingo's stems of OK-VQA answers, in its environment: python peer_stem.py FOLDER.

Reads FOLDER/answers.json, a list of answers; writes stems.json. NLTK_DATA names the folder of WordNet and the tagger's weights.
"""

import json
import sys
from functools import partial
from pathlib import Path

import nltk

# Answers are no paragraphs: without their division into sentences the weights of punkt aren't needed.
nltk.tokenize.word_tokenize = partial(nltk.tokenize.word_tokenize, preserve_line=True)


def main(folder: Path) -> None:
    from open_flamingo.eval.ok_vqa_utils import stemmer

    answers = json.loads((folder / 'answers.json').read_text())
    (folder / 'stems.json').write_text(json.dumps([stemmer.stem(answer) for answer in answers]))


if __name__ == '__main__':
    main(Path(sys.argv[1]))
