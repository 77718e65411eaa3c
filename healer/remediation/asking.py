"""Ask what rules need to know, and put the answers into the journal, where they decide."""

import asyncio
from collections.abc import Callable, Sequence

from healer.journey.ports import Arrival, Journal
from healer.journey.records import Answered
from healer.remediation.planner import Question
from healer.remediation.verify import Asker

LOOK_S = 2.0
"""Seconds between looks for questions."""
AT_ONCE = 16
"""Questions asked at the same time."""


async def answer_questions(questions: Callable[[], Sequence[Question]], asker: Asker, journal: Journal) -> None:
    """Answer what is asked, until cancelled. `questions` gives what is to be asked now."""

    async def answer(question: Question) -> Arrival:
        answers = await asker.ask(question.queries, question.labels)
        return Arrival(Answered(question.incident, question.rule, tuple(answers)))

    while True:
        asked = list(questions())[:AT_ONCE]
        if asked:
            await journal.append(await asyncio.gather(*(answer(question) for question in asked)))
        await asyncio.sleep(LOOK_S)
