"""Why something is not said, English or Chinese: the rules of least evidence, as people read them."""

from __future__ import annotations

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "few_visits": "fewer than {n} visits",
        "few_events": "fewer than {n} events about products that the catalogue describes",
        "not_learnt": "not learnt: train on a longer log",
        "untrained": "not learnt: nothing has been trained yet",
        "left": "no visit for more than {n} days: has left already",
        "not_within": "probably not within {n} days",
        "overdue": "away for longer than their pauses used to be",
        "nothing_clear": "nothing is chosen clearly more than by others",
        "small_shop": "the shop has too few people for segments",
    },
    "zh": {
        "few_visits": "来访不足{n}次",
        "few_events": "与商品目录有关的行为不足{n}条",
        "not_learnt": "尚未学习：需要更长的记录来训练",
        "untrained": "尚未学习：还没有训练过",
        "left": "已超过{n}天没有来访：视为已流失",
        "not_within": "很可能{n}天内不会来",
        "overdue": "离开的时间比以往的间隔都长",
        "nothing_clear": "没有明显比其他顾客更常选择的",
        "small_shop": "本店顾客太少，无法划分客群",
    },
}


class Reasons:
    """What is not said → why."""

    def __init__(self, language: str) -> None:
        self._text = TEXTS.get(language, TEXTS["en"])
        self.said: dict[str, str] = {}

    def add(self, what: str, why: str, n: float = 0) -> None:
        """`n`: the number in the reason."""
        self.said[what] = self._text[why].format(n=f"{n:g}")
