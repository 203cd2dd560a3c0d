import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.config import Config

from mmflamingo.prompts import InterleavedPrompt, PromptTemplate, Segment
from mmflamingo.registry import PROMPTS
from mmflamingo.structures import FlamingoDataSample

CAPTION = {
    'type': 'PromptTemplate',
    'shot': '<image>Output:{caption}<|endofchunk|>',
    'query': '<image>Output:',
    'output': 'caption',
    'stop': ['Output'],
    'drop': '"',
    'text_only_examples': [{'caption': 'A yak.'}, {'caption': 'A brush.'}],
}
VQA = {
    'type': 'PromptTemplate',
    'shot': '<image>Question:{question} Short answer:{answer}<|endofchunk|>\n',
    'query': '<image>Question:{question} Short answer:',
    'output': 'answer',
    'stop': ['Question', 'Answer'],
    'strip': '.,',
}


def test_few_shot_caption_prompt():
    sample = {
        'shots': [
            {'img_path': 'a.png', 'caption': 'A cat.'},
            {'img_path': 'b.png', 'caption': 'Two.'},
        ]
    }
    prompt = PROMPTS.build(CAPTION).render(sample)
    assert list(prompt) == [
        Segment('<image>Output:', chunk=0),
        Segment('A cat.', is_user=True, is_output=True, chunk=0),
        Segment('<|endofchunk|>', is_output=True, chunk=0),
        Segment('<image>Output:', chunk=1),
        Segment('Two.', is_user=True, is_output=True, chunk=1),
        Segment('<|endofchunk|>', is_output=True, chunk=1),
        Segment('<image>Output:', chunk=2),
    ]
    assert prompt.num_images == 3
    assert prompt.with_shots_in([1]).text == '<image>Output:Two.<|endofchunk|><image>Output:'


def test_no_shots_show_text_only_examples_without_image():
    prompt = PROMPTS.build(CAPTION).render({'shots': []})
    assert prompt.text == 'Output:A yak.<|endofchunk|>Output:A brush.<|endofchunk|><image>Output:'
    assert (prompt.num_images, prompt.num_chunks) == (1, 3)


def test_vqa_prompt_of_a_training_sample():
    sample = FlamingoDataSample.from_record(
        {
            'shots': [{'img_path': None, 'question': 'Is it red?', 'answer': 'no'}],
            'question': 'What is it?',
            'output': 'a cat',
        }
    )
    prompt = PROMPTS.build(VQA).render(sample)
    assert prompt.text == (
        'Question:Is it red? Short answer:no<|endofchunk|>\n'
        '<image>Question:What is it? Short answer:a cat<|endofchunk|>\n'
    )
    outputs = [segment.text for segment in prompt if segment.is_output]
    assert outputs == ['no', '<|endofchunk|>', 'a cat', '<|endofchunk|>']
    user = [segment.text for segment in prompt if segment.is_user]
    assert user == ['Is it red?', 'no', 'What is it?', 'a cat']


def test_a_query_without_output_ends_where_the_model_goes_on():
    prompt = PROMPTS.build(VQA).render({'question': 'What is it?', 'gt_answer': ['cat'] * 10})
    assert prompt.text == '<image>Question:What is it? Short answer:'
    assert not any(segment.is_output for segment in prompt)


def test_image_marks_in_user_text_are_no_images():
    prompt = PROMPTS.build(VQA).render({'question': 'What does <image> mean?'})
    assert prompt.num_images == 1


@pytest.mark.parametrize(
    ('cfg', 'text', 'parsed'),
    [
        (CAPTION, ' A "big" cat.Output: a dog Output', 'A big cat.'),
        (CAPTION, '', ''),
        (VQA, ' red. \nQuestion: why? Answer: so', 'red'),
        (VQA, 'Answer: no Question', ''),
        (VQA, '., 1.5 .,', '1.5'),
    ],
)
def test_parse(cfg, text, parsed):
    assert PROMPTS.build(cfg).parse(text) == parsed


def test_a_missing_field_is_named():
    with pytest.raises(ValueError, match="needs the field 'question', but example 0"):
        PROMPTS.build(VQA).render({'question': None})


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'output': 'text'}, r"output is 'text', it must be one of \['caption', 'answer'\]"),
        ({'shot': '<image>Output:'}, r'it needs the field \{caption\}'),
        ({'query': '<image>Output:{caption}'}, r'drop \{caption\}'),
        ({'shot': '<image>{caption!r}'}, r'write fields as \{name\}'),
        ({'shot': '<image>{0}{caption}'}, r'write fields as \{name\}'),
    ],
)
def test_unusable_templates(changes, message):
    with pytest.raises(ValueError, match=message):
        PromptTemplate(**{k: v for k, v in {**CAPTION, **changes}.items() if k != 'type'})


def test_a_sample_with_its_own_text():
    prompt = InterleavedPrompt(stop=['Output'], generation={'num_beams': 2})
    rendered = prompt.render({'text': '<image>Output:a cat<|endofchunk|><image>Output:'})
    assert rendered.text == '<image>Output:a cat<|endofchunk|><image>Output:'
    assert rendered.num_images == 2
    assert prompt.parse(' a dog Output: no') == 'a dog'


def with_white_space(rule):
    return PromptTemplate(**{key: value for key, value in VQA.items() if key != 'type'}, white_space=rule)


@pytest.mark.parametrize(
    ('rule', 'rendered'),
    [('collapse', 'Is it\nred? |a\tb '), ('strip', 'Is it\nred? |a\tb '), ('keep', 'Is it\nred? |a\tb ')],
)
def test_p5_a23_one_rule_for_white_space_in_shots_and_query(rule, rendered):
    question, answer = rendered.split('|')
    expected = {
        'collapse': ('Is it red?', 'a b'),
        'strip': ('Is it\nred?', 'a\tb'),
        'keep': (question, answer),
    }[rule]
    shot = {'img_path': 'x.png', 'question': question, 'answer': answer}
    sample = {'shots': [shot], 'question': question}
    template = with_white_space(rule)
    first, query = template.render(sample).chunks
    assert [segment.text for segment in first if segment.is_user] == list(expected)
    assert [segment.text for segment in query if segment.is_user] == [expected[0]]
    taught = template.render(sample | {'output': answer}).chunks[1]
    assert [segment.text for segment in taught if segment.is_user] == list(expected)
    assert template.clean(answer) == expected[1]


def test_p5_the_rules_of_the_published_protocols():
    root = 'configs/_base_'
    second = Config.fromfile(f'{root}/protocols/openflamingo_v2.py').prompts
    first = Config.fromfile(f'{root}/protocols/openflamingo_v1.py').prompts
    assert [PROMPTS.build(second[task]).white_space for task in ('caption', 'vqa')] == ['strip', 'keep']
    assert [PROMPTS.build(first[task]).white_space for task in ('caption', 'vqa')] == ['keep', 'keep']
    assert PROMPTS.build(CAPTION).white_space == 'collapse'


def test_an_unknown_rule_for_white_space():
    with pytest.raises(ValueError, match=r"white_space is 'trim', it must be one of \['collapse', 'strip', 'keep'\]"):
        with_white_space('trim')


@pytest.mark.parametrize('value', [3, ['a'], None, b'a', {'a': 1}])
def test_a_field_that_is_not_a_text(value):
    with pytest.raises(
        ValueError, match="needs the field 'question', but example 0 of the sample has .* must be a text"
    ):
        PROMPTS.build(VQA).render({'question': value})
    with pytest.raises(ValueError, match="needs the field 'text'"):
        InterleavedPrompt().render({'text': value})


@pytest.mark.parametrize('example', [{}, {'caption': 4}, {'caption': None}])
def test_an_example_that_lacks_a_text_is_found_when_the_template_is_built(example):
    with pytest.raises(ValueError, match="needs the field 'caption', but example 0"):
        PROMPTS.build(CAPTION | {'text_only_examples': [example]})


@pytest.mark.parametrize('template', ['{', 'a}', 3, None])
def test_a_template_that_can_not_be_parsed(template):
    with pytest.raises(ValueError, match='is not a text with fields'):
        PROMPTS.build(CAPTION | {'query': template})


TEXTS = st.text(st.sampled_from(' \n\t\u2028a?<|>image') | st.characters(), max_size=20) | st.sampled_from(
    ['<image>', '<|endofchunk|>', '<|endof\nchunk|>', '< image>', ' <image> ']
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(question=TEXTS, answer=TEXTS, rule=st.sampled_from(['collapse', 'strip', 'keep']))
def test_property_data_only_fills_segments_of_its_own(question, answer, rule):
    template = with_white_space(rule)
    shot = {'img_path': 'x.png', 'question': question, 'answer': answer}
    prompt = template.render({'shots': [shot], 'question': question})
    plain = template.render({'shots': [shot | {'question': 'q', 'answer': 'a'}], 'question': 'q'})
    assert prompt.num_images == plain.num_images == 2
    own = [[segment.text for segment in chosen if not segment.is_user] for chosen in (prompt, plain)]
    assert own[0] == own[1]
    first, second = ([segment.text for segment in chunk if segment.is_user] for chunk in prompt.chunks)
    assert first == [template.clean(question), template.clean(answer)] and second == [template.clean(question)]
    assert rule != 'collapse' or ' '.join(first[0].split()) == first[0]


def test_an_empty_query_and_strange_permutations():
    with pytest.raises(ValueError, match='PromptTemplate.query is empty'):
        PromptTemplate('<image>Output:{caption}', '', 'caption')
    for value in '-inf', 1.5, True, None:
        with pytest.raises(ValueError, match='permutations is .* must be a whole number from 1'):
            PromptTemplate('<image>Output:{caption}', '<image>Output:', 'caption', ranking={'permutations': value})
