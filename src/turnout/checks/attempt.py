"""What one attempt at a check may end with besides an answer."""

from __future__ import annotations


class Unanswerable(Exception):
    """The check could not be made. `passing`: trying again may help."""

    def __init__(self, sentence: str, *, passing: bool) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.passing = passing
