"""WordNet by nltk: words reduced to lemmas, and how similar two words are. Needs nltk, and files that it reads."""

import functools
import warnings
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

DEBIAN = '/usr/share/wordnet'  # of the package wordnet-base
# First two letters of Penn Treebank tags, and WordNet's name of such words.
PARTS_OF_SPEECH = {'NN': 'n', 'JJ': 'a', 'VB': 'v', 'RB': 'r'}
Tagger = Callable[[Sequence[str]], Sequence[tuple[str, str]]]


class WordNet:
    """Lemmas of sentences and similarities of words.

    Args:
        folder: Where WordNet 3.0's `data.noun`, `index.noun`, ... are. By default nltk's own data (`corpora/wordnet`), or else
            those of Debian's package wordnet-base.
        tagger: Gives tokens their Penn Treebank tags; nltk's averaged perceptron by default.

    Raises:
        ImportError: nltk is not installed.
        FileNotFoundError: WordNet or the tagger's weights are not there.
    """

    def __init__(self, folder: str | None = None, tagger: Tagger | None = None) -> None:
        self._nltk = _import_nltk()
        self._words = _reader(self._nltk, folder)
        self._tag = tagger or _load_tagger(self._nltk)
        self._porter = self._nltk.stem.PorterStemmer()
        self.similarity = functools.lru_cache(maxsize=1 << 18)(self._similarity)

    def lemmas(self, sentence: str) -> list[str]:
        """The words of a sentence, each as its shortest base form of the part of speech that it is tagged as.

        A base form that WordNet doesn't know gives way to the Porter stem, and this, where it is unknown too, to the word.
        This is `lemmatize_sentence` of https://github.com/alvations/pywsd, which NExT-QA's script uses.
        """
        tokens = self._nltk.tokenize.word_tokenize(sentence, preserve_line=True)
        return [self._lemma(word.lower(), tag) for word, tag in self._tag(tokens)]

    def _lemma(self, word: str, tag: str) -> str:
        part = PARTS_OF_SPEECH.get(tag[:2])
        if part is None:
            part = PARTS_OF_SPEECH.get(self._tag([word])[0][1][:2], 'n')
        lemma = min(self._words._morphy(word, part), key=len, default=word)
        if self._words.synsets(lemma):
            return lemma
        stem = self._porter.stem(word)
        return stem if self._words.synsets(stem) else word

    def _similarity(self, word: str, other: str) -> float:
        """Wu and Palmer's similarity of the first senses of two words, from 0 (one is unknown, or nothing in common) to 1."""
        if word == other:
            return 1.0
        senses, others = self._words.synsets(word), self._words.synsets(other)
        if not senses or not others:
            return 0.0
        return senses[0].wup_similarity(others[0]) or 0.0


def _import_nltk() -> Any:
    try:
        import nltk
    except ImportError as error:
        raise ImportError("WordNet needs nltk, which is not installed: pip install 'mmflamingo[optional]'.") from error
    return nltk


def _reader(nltk: Any, folder: str | None) -> Any:
    """nltk's reader of WordNet's files."""
    if folder is None:
        try:
            nltk.corpus.wordnet.ensure_loaded()
        except LookupError:
            folder = DEBIAN
        else:
            return nltk.corpus.wordnet
    if not Path(folder, 'data.noun').is_file():
        raise FileNotFoundError(
            f"WordNet's files (data.noun, ...) are not in '{folder}'. Install them by `apt install wordnet-base`, or by `python -m "
            'nltk.downloader wordnet`, or say where they are: test_evaluator.wordnet_dir.'
        )
    allow(nltk, folder)

    class Reader(nltk.corpus.reader.WordNetCorpusReader):
        """WordNet without what Debian leaves out and nothing here needs: names of source files, index.sense."""

        def map_wn(self, version: str = 'wordnet') -> None:
            """No synset numbers of another version."""

        def open(self, file: str) -> Any:
            if file == 'lexnames' and not Path(folder, file).is_file():
                return StringIO(''.join(f'{number:02d} unnamed 0\n' for number in range(45)))
            return super().open(file)

    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # that there are no other languages
        return Reader(folder, None)


def _load_tagger(nltk: Any) -> Tagger:
    try:
        return nltk.tag.PerceptronTagger().tag
    except LookupError:
        raise FileNotFoundError(
            "The weights of nltk's tagger are in no folder of nltk.data.path. Download them by `python -m nltk.downloader "
            'averaged_perceptron_tagger_eng`, and where there is no network, bring the folder taggers/averaged_perceptron_tagger_eng '
            'and let the environment variable NLTK_DATA name the one above it.'
        ) from None


def allow(nltk: Any, folder: str) -> None:
    """Let nltk read files below a folder: it refuses all that its data path doesn't name."""
    if folder not in nltk.data.path:
        nltk.data.path.append(folder)
