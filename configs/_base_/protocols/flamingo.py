# The Flamingo paper, https://arxiv.org/abs/2204.14198, appendix B: two text-only examples stand for zero shots of
# open-ended tasks. The paper gives no number of new tokens; these are OpenFlamingo's. It does not say which of a
# question's answers a shot shows: here the majority's.
protocol = 'flamingo'
shots = (0, 4, 8, 16, 32)
seeds = (0,)
media_index = 'preceding'
datasets = dict(
    caption=dict(num_support_examples=2048, num_query_examples=5000),
    vqa=dict(num_support_examples=2048, num_query_examples=1024, answer_policy='majority'),
)
zero_shot_text_only = dict(caption=2, vqa=2)
prompts = dict(
    caption=dict(
        type='PromptTemplate',
        shot='<image>Output: {caption}<|endofchunk|>',
        query='<image>Output:',
        output='caption',
        stop=('Output',),
        generation=dict(num_beams=3, max_new_tokens=20, length_penalty=0.0),
    ),
    vqa=dict(
        type='PromptTemplate',
        shot='<image>Question: {question} Answer: {answer}<|endofchunk|>',
        query='<image>Question: {question} Answer:',
        output='answer',
        stop=('Question', 'Answer'),
        generation=dict(num_beams=3, max_new_tokens=5, length_penalty=0.0),
    ),
)
