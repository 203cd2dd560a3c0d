import pytest
from PIL import Image

from mmflamingo.engine.hooks.visualization_hook import _file_name
from mmflamingo.visualization import FlamingoVisualizer


def test_bad_images_are_counted_and_named(toy_cfg, build_runner, capfd):
    bad = list(range(12))
    runner = build_runner(toy_cfg, **{'test_dataloader.dataset.bad': bad})
    metrics = runner.test()
    said = ''.join(capfd.readouterr())
    assert metrics['bad_images'] == 12
    assert '12 pictures or videos could not be read' in said
    assert '  9.png' in said and '  10.png' not in said and 'and 2 more' in said


def test_no_bad_images_no_word(toy_cfg, build_runner):
    assert 'bad_images' not in build_runner(toy_cfg).test()


def test_pictures_of_the_first_samples(toy_cfg, build_runner, tmp_path):
    hook = {'type': 'VisualizationHook', 'out_dir': str(tmp_path / 'show'), 'max_samples': 3}
    images = {'test_dataloader.dataset.img_dir': str(tmp_path)}
    build_runner(toy_cfg, **{'default_hooks.visualization': hook}, **images).test()
    pictures = sorted((tmp_path / 'show').iterdir())
    assert [p.name for p in pictures] == ['0000_100.png', '0001_101.png', '0002_102.png']
    with Image.open(pictures[0]) as picture:
        assert picture.width > 1000


def test_visualizer_that_cannot_draw_is_an_error(toy_cfg, build_runner):
    hook = {'type': 'VisualizationHook', 'out_dir': 'show'}
    runner = build_runner(toy_cfg, **{'default_hooks.visualization': hook, 'visualizer.type': 'Visualizer'})
    with pytest.raises(ValueError, match="set it to 'FlamingoVisualizer'"):
        runner.test()


# R18: drawing never costs results


@pytest.fixture
def show(toy_cfg, build_runner, tmp_path):
    """Test with pictures; gives scores, names of the pictures, and what was said."""

    def show(capfd, **options):
        hook = {'type': 'VisualizationHook', 'out_dir': str(tmp_path / 'show'), 'max_samples': 3}
        runner = build_runner(toy_cfg, **{'default_hooks.visualization': hook}, **options)
        metrics = runner.test()
        return metrics, sorted(path.name for path in (tmp_path / 'show').iterdir()), ''.join(capfd.readouterr())

    return show


def test_a_sample_that_cannot_be_drawn_costs_its_picture_alone(show, monkeypatch, capfd, tmp_path):
    plain = FlamingoVisualizer.draw_prediction

    def draw(self, record):
        if record['sample_id'] == 101:
            raise MemoryError('a bomb')
        return plain(self, record)

    monkeypatch.setattr(FlamingoVisualizer, 'draw_prediction', draw)
    metrics, pictures, said = show(capfd)
    assert metrics and pictures == ['0000_100.png', '0002_102.png']
    assert '1 of them could not be drawn, the first is 101: a bomb' in said
    assert list(tmp_path.rglob('results.json'))


def test_a_disk_that_is_full_costs_pictures_alone(show, monkeypatch, capfd, tmp_path):
    def save(self, path):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(Image.Image, 'save', save)
    metrics, pictures, said = show(capfd)
    assert metrics and not pictures and 'No more pictures are drawn' in said and 'No space left' in said
    assert list(tmp_path.rglob('results.json'))


@pytest.mark.parametrize('sample_id', ['x' * 300, '../../up', 'é' * 200, 'a\0b', '\ud800', '', 12345678901234567890])
def test_any_id_is_a_name(sample_id, tmp_path):
    path = tmp_path / _file_name(7, sample_id)
    path.touch()
    assert path.parent == tmp_path and path.name.startswith('0007_') and path.name.isascii()


def test_a_folder_that_cannot_be_written_is_noticed_before_the_test(toy_cfg, build_runner, tmp_path):
    (tmp_path / 'file').touch()
    for out_dir in (tmp_path / 'file', tmp_path / 'file' / 'below'):
        hook = {'type': 'VisualizationHook', 'out_dir': str(out_dir)}
        runner = build_runner(toy_cfg, **{'default_hooks.visualization': hook})
        with pytest.raises(ValueError, match='cannot be written'):
            runner.test()


def test_dropped_shots_are_counted(toy_cfg, build_runner, capfd):
    hook = {'default_hooks.dropped_shots': {'type': 'DroppedShotsHook'}}
    runner = build_runner(toy_cfg, **{'test_dataloader.dataset.dropped': {1: 3, 5: 8}}, **hook)
    metrics = runner.test()
    assert metrics['dropped_shots'] == 11
    assert '2 prompts were too long for the language model: 11 shots were left out, up to 8' in ''.join(
        capfd.readouterr()
    )
    assert 'dropped_shots' not in build_runner(toy_cfg, **hook).test()
