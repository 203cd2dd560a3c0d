"""A list of candidate answers for a set of open questions."""

from collections import Counter
from collections.abc import Sequence

from mmcv.transforms import BaseTransform

from mmflamingo.files import check_regular
from mmflamingo.paths import below
from mmflamingo.registry import TRANSFORMS

from ..choice_lists import check_choices
from ..fields import text
from ..layouts import Account, Layout
from ..reading import read_json, read_lines

ARGUMENT = 'choices_file'


@TRANSFORMS.register_module()
class AddChoices(BaseTransform):
    """Have every sample answered by ranking a list of candidates, instead of by generated text.

    The answer is scored as before, by the set's own metric.

    Added Keys:

    - choices: the candidates, one list for all samples
    - gt_choice (only if the sample's majority answer is a candidate): its number

    Args:
        choices: The candidates.
        choices_file: A file of them, relative to the working directory: a text file, one a line, or an annotation file of
            VQAv2's layout (`.json`), whose majority answers are the candidates.
        most_common: Take this many of the majority answers, the most common ones; None for all.

    Raises:
        ValueError: Both or none are given, or some of the candidates are empty or the same.
        FileNotFoundError: There is no such file.
    """

    def __init__(
        self,
        choices: Sequence[str] | None = None,
        choices_file: str | None = None,
        most_common: int | None = None,
    ) -> None:
        if (choices is None) == (choices_file is None):
            raise ValueError('AddChoices needs choices or choices_file, one of them.')
        if choices_file is not None:
            choices = _read(below(None, choices_file), most_common)
        self.choices = check_choices(choices, f"AddChoices: '{choices_file}'" if choices_file else 'AddChoices.choices')
        self._numbers = {choice: number for number, choice in enumerate(self.choices)}

    def transform(self, results: dict) -> dict:
        """Add the candidates."""
        results['choices'] = self.choices
        number = self._numbers.get(results.get('majority_answer'))
        if number is not None:
            results['gt_choice'] = number
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}({len(self.choices)} choices)'


def _read(path: str, most_common: int | None) -> list[str]:
    check_regular(path)
    if not path.endswith('.json'):
        return [line for _, line in read_lines(path, ARGUMENT)]
    content = read_json(path, ARGUMENT)
    entries = content.get('annotations') if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise ValueError(f"{ARGUMENT}: '{path}' holds no list 'annotations', as files of VQAv2's layout do.")
    account = Account("VQAv2's annotations")
    answers = account.read(f"{ARGUMENT}: '{path}'", enumerate(entries), Layout(multiple_choice_answer=text))
    account.check()
    counts = Counter(entry['multiple_choice_answer'].strip() for entry in answers)
    return [answer for answer, _ in counts.most_common(most_common)]
