"""Video benchmarks: each one's config on files of its layout and videos that PyAV wrote, and the set's own metric."""

import nltk
import pytest
from nltk_files import write_tagger, write_wordnet

OPEN = ['msvdqa', 'msrvttqa', 'ivqa', 'vatex', 'nextqa_open']
CHOICES = ['nextqa', 'star']
NAMES = {
    'nextqa': {'acc/D', 'acc/DC'},
    'nextqa_open': {'WUPS/D', 'WUPS/DO'},
    'star': {'acc/Sequence', 'acc/Prediction'},
}
MAIN = {'vatex': 'CIDEr', 'nextqa_open': 'WUPS'}  # all others: acc


@pytest.fixture(autouse=True)
def small_wordnet(tmp_path, monkeypatch):
    """Where nltk and the metric look for the tagger and WordNet, there are small ones."""
    monkeypatch.setattr(nltk.data, 'path', [write_tagger(tmp_path / 'nltk_data')])
    monkeypatch.setattr('mmflamingo.evaluation.wordnet.DEBIAN', write_wordnet(tmp_path / 'wordnet'))


@pytest.mark.parametrize('name', OPEN + CHOICES)
def test_from_files_to_score(name, benchmark, predict, score, model):
    config, ids = benchmark(name, num_shots=1)
    shapes = []
    hook = model.data_preprocessor.register_forward_hook(lambda *call: shapes.append(call[2]['images'].shape))
    samples = predict(config)
    hook.remove()
    assert shapes[0] == (2, 2, 8, 3, 128, 128)  # two samples of a shot and a query, eight frames each
    assert sorted(sample['sample_id'] for sample in samples) == sorted(ids)

    main = MAIN.get(name, 'acc')
    assert {main} | NAMES.get(name, set()) <= set(score(config, samples))
    if name in OPEN:
        output = 'caption' if name == 'vatex' else 'answer'
        assert all(sample[f'pred_{output}'] for sample in samples)
        said = [sample | {f'pred_{output}': sample[f'gt_{output}'][0]} for sample in samples]
        silent = [sample | {f'pred_{output}': 'xyzzy'} for sample in samples]
        assert score(config, silent)[main] == 0
    else:
        assert all(len(sample['choice_scores']) == len(sample['choices']) for sample in samples)
        said = [
            sample | {'choice_scores': [float(n == sample['gt_choice']) for n in range(len(sample['choices']))]}
            for sample in samples
        ]
    assert score(config, said)[main] == pytest.approx(100) if main != 'CIDEr' else score(config, said)[main] > 0


def test_a_still_video_is_answered_like_its_picture(benchmark, predict):
    (video, _), (picture, _) = benchmark('msvdqa'), benchmark('textvqa')
    answers = [{sample['question']: sample['pred_answer'] for sample in predict(config)} for config in (video, picture)]
    assert answers[0] == answers[1]
