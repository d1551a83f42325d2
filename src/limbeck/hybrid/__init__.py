"""Nets that tell tied states, inside a hidden Markov model: the paper's speech (Hinton et al. 2015, s. 4, s. 6).

plan.py       what a recipe is asked for
ground.py     what all nets share: utterances, states, models of language
preparing.py  from a corpus to that ground, and to the sets that nets learn from and are judged on
lessons.py    baseline, ensemble, students; a part of the data
hearing.py    from logits to words, with scales that were chosen once
choosing.py   scales, temperature and hard weight, by held-out speakers
tables.py     the paper's two tables, rows of record
findings.py   differences over speakers, in sentences
front.py      from audio to the windows of frames that nets judge
transcriber.py    what a run leaves to make words of its student's logits; transcribing.py: of anybody's files
shown.py      what the page shows of words and utterances
road.py       one after the other

Imported by recipes before torch is: `plan` alone waits for nothing.
"""
