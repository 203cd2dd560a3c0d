"""WUPS against values worked by hand on a WordNet of a dozen words, and against the real one where it is installed."""

import sys
from pathlib import Path

import nltk
import pytest
from nltk_files import write_tagger, write_wordnet

from mmflamingo.evaluation import WUPS
from mmflamingo.evaluation.wordnet import DEBIAN, WordNet
from mmflamingo.evaluation.wups import wups

# Depths: entity 1, thing 2, animal, vehicle and child 3, dog, cat and car 4. Similarity: twice the depth of the nearest common
# word above, by the sum of both depths.
DOG_CAT, DOG_CAR, DOG_CHILD = 6 / 8, 4 / 8, 4 / 7


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Folder of the small WordNet; nltk finds the small tagger, and no WordNet of its own."""
    monkeypatch.setattr(nltk.data, 'path', [write_tagger(tmp_path / 'nltk_data')])
    return write_wordnet(tmp_path / 'wordnet')


@pytest.fixture
def wordnet(files):
    return WordNet(files)


@pytest.mark.parametrize(
    ('words', 'similarity'),
    [
        (('dog', 'dog'), 1),
        (('dog', 'cat'), DOG_CAT),
        (('dog', 'car'), DOG_CAR),
        (('kid', 'dog'), DOG_CHILD),
        (('auto', 'car'), 1),
        (('xyzzy', 'xyzzy'), 1),
        (('xyzzy', 'dog'), 0),
        (('dog', 'run'), 2 / 8),  # noun and verb meet in a root above both, at depth 1: 2 * 1 / (5 + 3)
    ],
)
def test_similarity_of_first_senses(wordnet, words, similarity):
    assert wordnet.similarity(*words) == pytest.approx(similarity)


def test_words_become_lemmas_by_their_tags(wordnet):
    assert wordnet.lemmas('the red dogs running') == ['the', 'red', 'dog', 'run']
    assert wordnet.lemmas('Children with autos') == ['child', 'with', 'auto']
    assert wordnet.lemmas('') == []


@pytest.mark.parametrize(
    ('said', 'true', 'threshold', 'score'),
    [
        (['dog'], ['dog'], 0, 1),
        (['dog'], ['cat'], 0, DOG_CAT),
        (['dog'], ['cat'], 0.9, DOG_CAT / 10),
        (['dog', 'car'], ['dog'], 0, DOG_CAR),  # from left to right 1 * dog-car, back 1
        (['dog'], ['dog', 'car'], 0, DOG_CAR),
        (['dog', 'xyzzy'], ['dog'], 0, 1),  # the script leaves out what is like nothing
        (['xyzzy'], ['dog'], 0, 0),
        ([], ['dog'], 0, 0),
    ],
)
def test_answers_by_hand(wordnet, said, true, threshold, score):
    assert wups(said, true, wordnet, threshold) == pytest.approx(score)


def sample(number, prediction, answers, kind):
    return {'sample_id': number, 'pred_answer': prediction, 'gt_answer': answers, 'question_type': kind}


def test_scores_by_type_of_question(files, tmp_path):
    (tmp_path / 'stopwords.txt').write_text('the\nwith\n')
    metric = WUPS(wordnet_dir=files, stopwords_file=str(tmp_path / 'stopwords.txt'))
    samples = [
        sample('a', 'The dog', ['cat'], 'CW'),
        sample('b', 'dogs', ['car', 'with dog'], 'TP'),  # the better of two references
        sample('c', 'dog', ['cat'], 'TN'),
        sample('d', 'dog', ['cat'], 'DB'),  # must be equal
        sample('e', 'the dogs', ['dog'], 'DC'),
    ]
    metric.process(None, samples)
    scores = metric.evaluate(5)
    by_hand = {
        'WUPS': (75 + 100 + 75 + 0 + 100) / 5,
        'WUPS/C': 75,
        'WUPS/CW': 75,
        'WUPS/T': 87.5,
        'WUPS/TN': 87.5,
        'WUPS/D': 50,
        'WUPS/DB': 0,
        'WUPS/DC': 100,
    }
    assert scores == pytest.approx(by_hand)
    assert metric.sample_scores['c'] == {'WUPS': pytest.approx(75)}


def test_samples_without_types(files):
    metric = WUPS(wordnet_dir=files, threshold=0.9)
    metric.process(None, [sample(1, 'dog', ['cat'], None)])
    assert metric.evaluate(1) == {'WUPS': pytest.approx(7.5)}


def test_what_is_missing_is_said(files, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r'threshold=1.5 must lie between 0 and 1'):
        WUPS(threshold=1.5, wordnet_dir=files)
    with pytest.raises(FileNotFoundError, match=r"stopwords_file: 'no.txt' does not exist"):
        WUPS(stopwords_file='no.txt', wordnet_dir=files)
    with pytest.raises(FileNotFoundError, match=rf"are not in '{tmp_path}'.*apt install wordnet-base"):
        WUPS(wordnet_dir=str(tmp_path))
    monkeypatch.setattr(nltk.data, 'path', [])
    with pytest.raises(FileNotFoundError, match='nltk.downloader averaged_perceptron_tagger_eng'):
        WUPS(wordnet_dir=files)
    monkeypatch.setitem(sys.modules, 'nltk', None)
    with pytest.raises(ImportError, match='needs nltk, which is not installed'):
        WUPS(wordnet_dir=files)


@pytest.mark.skipif(not Path(DEBIAN, 'data.noun').is_file(), reason="Debian's package wordnet-base is not installed")
def test_the_real_wordnet(files):
    wordnet = WordNet()
    # What nltk's page (https://www.nltk.org/howto/wordnet.html) gives for dog.n.01 and cat.n.01.
    assert wordnet.similarity('dog', 'cat') == pytest.approx(0.857142857)
    assert wordnet.lemmas('geese running') == ['goose', 'run']
