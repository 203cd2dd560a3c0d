"""Programs in Java that hang, die, are interrupted, or lack their files: no score of another metric is lost, nothing stays."""

import json
import os
import time
from pathlib import Path

import pycocoevalcap.bleu.bleu
import pytest

from mmflamingo.evaluation import COCOCaption, caption_scorers
from mmflamingo.evaluation.java import JavaProgram, time_limit

SAMPLES = [
    {'sample_id': n, 'image_id': n, 'pred_caption': text, 'gt_caption': [text, 'a cat']}
    for n, text in enumerate(['a dog runs', 'two men', 'a red car'])
]
PACKAGE = Path(pycocoevalcap.bleu.bleu.__file__).parents[1]


@pytest.fixture
def java(monkeypatch, tmp_path):
    """Puts a script in the place of Java; its process and those that it starts are listed in a file."""

    def put(script):
        path = tmp_path / 'java'
        path.write_text(f'#!/bin/sh\necho $$ >> {tmp_path}/pids\n{script}\n')
        path.chmod(0o755)
        monkeypatch.setenv('PATH', f'{tmp_path}:{os.environ["PATH"]}')

    return put


def evaluate(metrics, **kwargs):
    metric = COCOCaption(metrics, **kwargs)
    metric.process(None, SAMPLES)
    return metric.evaluate(len(SAMPLES)), metric.failures


def is_running(pid):
    try:
        return Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[0] != 'Z'
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    'script', ['sleep 60 & echo $! >> {}/pids; wait', 'cat > /dev/null; sleep 60', 'exec sleep 60']
)
def test_java_that_hangs_is_ended_with_all_that_it_started(java, tmp_path, script):
    java(script.format(tmp_path))
    start = time.monotonic()
    scores, failures = evaluate(['CIDEr', 'METEOR'], java_timeout=0.3)
    assert time.monotonic() - start < 10
    assert scores.keys() == {'CIDEr'}
    assert 'Java took longer than' in failures['METEOR'] and 'java_timeout' in failures['METEOR']
    pids = (tmp_path / 'pids').read_text().split()
    assert len(pids) >= 2 and not any(map(is_running, pids))


@pytest.mark.parametrize(
    'script', ['exit 1', 'echo no memory >&2; exit 3', 'read line; echo 1; exit 0', 'read line; kill -9 $$']
)
def test_java_that_dies_costs_no_other_score(java, script):
    java(script)
    scores, failures = evaluate(['CIDEr', 'METEOR'])
    assert scores.keys() == {'CIDEr'} and 'Java ended early' in failures['METEOR']
    if 'no memory' in script:
        assert 'no memory' in failures['METEOR']


@pytest.mark.parametrize('answer', ['nan', 'inf', 'Error: 5', ''])
def test_java_that_answers_nonsense(java, answer):
    java(
        f"while read line; do case $line in EVAL*) for n in 1 2 3 4; do echo '{answer}'; done;; *) echo 1 2;; esac; done"
    )
    scores, failures = evaluate(['CIDEr', 'METEOR'])
    assert scores.keys() == {'CIDEr'} and failures.keys() == {'METEOR'}


def test_ctrl_c_ends_java(java, tmp_path, monkeypatch):
    java(f'sleep 60 & echo $! >> {tmp_path}/pids; wait')
    monkeypatch.setattr('mmflamingo.evaluation.coco_caption.has_java', lambda: False)  # the tokenizer

    def interrupted(self):
        pids = tmp_path / 'pids'
        while not pids.exists() or len(pids.read_text().split()) < 2:
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr(JavaProgram, 'hear', interrupted)
    with pytest.raises(KeyboardInterrupt):
        evaluate(['METEOR'])
    assert not any(map(is_running, (tmp_path / 'pids').read_text().split()))


def test_the_only_metric_that_fails_is_an_error(java):
    java('exit 1')
    with pytest.raises(RuntimeError, match='no metric could be computed .*METEOR'):
        evaluate(['METEOR'])


@pytest.fixture
def spice(monkeypatch, tmp_path):
    """SPICE's files are there, as far as one looks."""
    jars = [tmp_path / 'parser.jar', tmp_path / 'models.jar']
    for jar in jars:
        jar.write_text('')
    monkeypatch.setattr(caption_scorers, 'SPICE_NEEDS', tuple(jars))
    monkeypatch.setattr('mmflamingo.evaluation.coco_caption.has_java', lambda: False)
    return jars


def spice_script(*scores):
    entries = [{'image_id': n, 'scores': {'All': {'f': score}}} for n, score in enumerate(scores)]
    return f'cat "$4" > {PLACE}; echo \'{json.dumps(entries)}\' > "$6"'


PLACE = '"$(dirname "$0")"/seen.json'


def test_spice_where_its_files_are(java, spice, tmp_path):
    java(spice_script(0.5, 0.25, 0.0))
    before = sorted(PACKAGE.rglob('*'))
    metric = COCOCaption(['SPICE'])
    metric.process(None, SAMPLES)
    assert metric.evaluate(3) == {'SPICE': pytest.approx(25)}
    assert metric.sample_scores[1] == {'SPICE': 25}
    seen = json.loads((tmp_path / 'seen.json').read_text())
    assert seen[2] == {'image_id': 2, 'test': 'a red car', 'refs': ['a red car', 'a cat']}
    assert sorted(PACKAGE.rglob('*')) == before


@pytest.mark.parametrize('scores', [(0.5, None, 0.0), (0.5, 0.25), ('x', 0, 0)])
def test_an_image_without_a_spice_score(java, spice, scores):
    java(spice_script(*scores))
    _, failures = evaluate(['CIDEr', 'SPICE'])
    assert failures.keys() == {'SPICE'}


def test_spice_without_its_files_says_how_to_get_them_and_downloads_nothing(monkeypatch, spice):
    def refuse(*args, **kwargs):
        raise AssertionError('a download')

    monkeypatch.setattr('urllib.request.urlopen', refuse)
    monkeypatch.setattr('mmflamingo.evaluation.caption_scorers.has_java', lambda: True)
    spice[1].unlink()
    with pytest.raises(
        ValueError, match='SPICE cannot be computed here: it needs models.jar in .*stanford-corenlp-full'
    ):
        COCOCaption(['CIDEr', 'SPICE'])


@pytest.mark.parametrize('metric', ['METEOR', 'SPICE'])
def test_asked_for_by_name_without_java_is_an_error_before_the_run(monkeypatch, metric):
    monkeypatch.setattr('mmflamingo.evaluation.caption_scorers.has_java', lambda: False)
    with pytest.raises(ValueError, match=f'{metric} cannot be computed here: it needs Java.*apt install'):
        COCOCaption(metric)
    assert COCOCaption().metrics == ['CIDEr', 'BLEU', 'ROUGE_L', 'METEOR']


@pytest.mark.parametrize('limits', [{'java_timeout': 0}, {'java_timeout': float('nan')}, {'max_characters': 0}])
def test_limits_are_positive(limits):
    with pytest.raises(ValueError, match='must be positive'):
        COCOCaption(**limits)


def test_a_caption_of_200_000_characters_is_an_error_that_names_the_sample():
    long = {**SAMPLES[0], 'pred_caption': 'a,' * 100_000}
    with pytest.raises(
        ValueError, match="sample 0 has a 'pred_caption' of 200000 characters, more than .*max_characters"
    ):
        COCOCaption().process(None, [long])
    assert time_limit(100, 3000) == 400
