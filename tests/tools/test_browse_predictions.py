import json
import re
import shutil
import subprocess

import pytest
from PIL import Image

BROWSER = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None)
NASTY = '</script><script>document.title = "broken"</script>'


@pytest.fixture
def write_run(tmp_path):
    """Writes a run of 30 answers; sample i scores `score(i)`."""

    def write(name, score, prediction=str, number=30):
        for i in range(number):
            Image.new('RGB', (64, 48), (8 * i, 90, 40)).save(tmp_path / f'{i}.jpg')
        shot = {'img_path': str(tmp_path / '0.jpg'), 'question': 'Which?', 'answer': NASTY}
        records = [
            {
                'sample_id': 100 + i,
                'question': f'What is {i}?',
                'img_path': str(tmp_path / f'{i}.jpg'),
                'shots': [shot, shot | {'img_path': None}],
                'prompt': f'<image>Question:What is {i}?',
                'prediction': prediction(i),
                'references': ['cat', 'kitty'] if i % 2 else ['dog'],
                'scores': {'acc': score(i)},
            }
            for i in range(number)
        ]
        (tmp_path / name).mkdir()
        (tmp_path / name / 'predictions.jsonl').write_text(''.join(json.dumps(r) + '\n' for r in records))
        return tmp_path / name

    return write


@pytest.fixture
def ids_shown(tmp_path):
    """Opens the page in a browser; gives the ids it shows and the whole document."""
    if BROWSER is None:
        pytest.skip('There is no chromium here.')

    def open_page(state=''):
        command = [BROWSER, '--headless', '--no-sandbox', '--disable-gpu', f'--user-data-dir={tmp_path / "profile"}']
        address = f'file://{tmp_path / "page.html"}#{state}'
        done = subprocess.run([*command, '--dump-dom', address], capture_output=True, text=True, timeout=120)
        return [int(i) for i in re.findall(r'data-id="(\d+)"', done.stdout)], done.stdout

    return open_page


def test_page_holds_each_picture_once_and_no_foreign_script(run_tool, write_run, tmp_path):
    run = write_run('a', float)
    (tmp_path / '7.jpg').unlink()
    assert run_tool('analysis/browse_predictions', run, '--out', tmp_path / 'page.html') == 0
    text = (tmp_path / 'page.html').read_text()
    assert text.count('data:image/jpeg;base64,') == 29 and text.count('</script>') == 2
    assert not re.search(r'(src|href)="?https?:', text)


@pytest.mark.slow
def test_one_run_in_a_browser(run_tool, write_run, ids_shown, tmp_path):
    run = write_run('a', lambda i: float((7 * i) % 30), number=60)
    assert run_tool('analysis/browse_predictions', run, '--out', tmp_path / 'page.html') == 0
    ids, document = ids_shown()
    assert ids == list(range(100, 150)) and '60 of 60 samples, mean acc 14.50' in document
    assert '<title>Predictions</title>' in document and 'What is 3?' in document
    worst, document = ids_shown('sort=lowest&show=worst')
    assert [(7 * (i - 100)) % 30 for i in worst] == [0, 0, 1, 1, 2, 2] and '6 of 60 samples, mean acc 1.00' in document
    assert ids_shown('text=What is 11?')[0] == [111]


@pytest.mark.slow
def test_two_runs_in_a_browser(run_tool, write_run, ids_shown, tmp_path):
    a = write_run('a', lambda i: 50.0)
    b = write_run('b', lambda i: 50.0 + (i == 5) * 20 - (i == 8) * 30, lambda i: 'other' if i in (5, 8, 9) else str(i))
    assert run_tool('analysis/browse_predictions', a, b, '--out', tmp_path / 'page.html') == 0
    assert ids_shown('show=differ')[0] == [105, 108, 109]
    assert ids_shown('sort=loss&show=differ')[0] == [108, 109, 105]
    assert ids_shown('show=better')[0] == [105]


@pytest.mark.parametrize(
    ('runs', 'said'), [(['nowhere'], 'nowhere does not exist'), (['a', 'empty'], 'no sample in common')]
)
def test_wrong_runs(run_tool, write_run, tmp_path, capfd, runs, said):
    write_run('a', float)
    write_run('empty', float, number=0)
    assert run_tool('analysis/browse_predictions', *(tmp_path / run for run in runs), '--out', 'page.html') > 0
    assert said in capfd.readouterr().err


@pytest.mark.parametrize(
    ('score', 'said'),
    [
        (float('nan'), 'line 4 is not valid JSON: it holds NaN'),
        (None, 'line 4: scores.acc is None, it must be a number'),
        ('high', "line 4: scores.acc is 'high', it must be a number"),
        ([1.0], r'line 4: scores.acc is \[1.0\], it must be a number'),
    ],
)
def test_r22_a_score_that_is_not_a_number_is_an_error_with_its_line(run_tool, write_run, tmp_path, capfd, score, said):
    run = write_run('a', lambda i: score if i == 3 else 1.0, number=5)
    assert run_tool('analysis/browse_predictions', run, '--out', tmp_path / 'page.html') == 1
    assert re.search(f'predictions.jsonl, {said}', capfd.readouterr().err) and not (tmp_path / 'page.html').exists()
