"""An alert in words, for whoever is to do something about it, and as JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from shoplens.domain.moments import told
from shoplens.domain.opinions import kind_of
from shoplens.store.opinions import AlertRecord, PostRecord

EXCERPT = 240  # characters of a post in a message

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "tone": "[{severity}] More complaints about {what}",
        "volume": "[{severity}] Many more posts about {what}",
        "tone_figures": "{negative} of {posts} posts since {began} UTC are negative ({share:.0%}, 95 %: {low:.0%} to "
        "{high:.0%}); usual are {usual:.0%}.",
        "volume_figures": "{posts} posts since {began} UTC, usual are {usual_posts:.1f}; {share:.0%} are negative.",
        "words": "New in them: {words}",
        "aspects": "Spoken of more than before: {aspects}",
        "also": "Also seen in: {also}",
        "posts": "What people say:",
        "all": "the shop",
    },
    "zh": {
        "tone": "[{severity}] 关于{what}的负面评论增多",
        "volume": "[{severity}] 关于{what}的讨论激增",
        "tone_figures": "自{began}（UTC）以来{posts}条中有{negative}条为负面（{share:.0%}，95%区间{low:.0%}至"
        "{high:.0%}），平时为{usual:.0%}。",
        "volume_figures": "自{began}（UTC）以来有{posts}条，平时约{usual_posts:.1f}条，其中{share:.0%}为负面。",
        "words": "新出现的词：{words}",
        "aspects": "比以前更常提到：{aspects}",
        "also": "同时见于：{also}",
        "posts": "大家在说：",
        "all": "本店",
    },
}
SEVERITIES = {"en": {}, "zh": {"info": "提示", "warning": "警告", "critical": "严重"}}


def subject_of(alert: AlertRecord, language: str) -> str:
    """One line."""
    words = WORDS.get(language, WORDS["en"])
    kind, _, name = alert.series.partition(":")
    what = words["all"] if kind_of(alert.series) == "all" else name or kind
    severity = SEVERITIES.get(language, {}).get(alert.severity, alert.severity)
    return " ".join(words[alert.kind].format(severity=severity, what=what).split())


def text_of(alert: AlertRecord, posts: Sequence[PostRecord], language: str) -> str:
    """A message of some lines: figures, what is new, and what people say."""
    words, told = WORDS.get(language, WORDS["en"]), alert.told
    during = told["during"]
    figures = words[f"{alert.kind}_figures"].format(
        **during,
        began=datetime.fromtimestamp(alert.began / 1e6, UTC).strftime("%Y-%m-%d %H:%M"),
        usual=told["usual_share"],
        usual_posts=told["usual_posts"],
    )
    lines = [subject_of(alert, language), "", figures]
    named = {
        "words": ", ".join(told.get("words", ())),
        "aspects": ", ".join(f"{name} ({before:.0%} → {now:.0%})" for name, before, now in told.get("aspects", ())),
        "also": ", ".join(told.get("also", ())),
    }
    lines += [words[key].format(**{key: value}) for key, value in named.items() if value]
    if posts:
        lines += ["", words["posts"]]
        lines += [f"- {excerpt(one.text)}" + (f" <{one.link}>" if one.link else "") for one in posts]
    return "\n".join(lines)


def excerpt(text: str) -> str:
    """On one line, cut."""
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT else line[: EXCERPT - 1] + "…"


def alert_json(alert: AlertRecord, posts: Sequence[PostRecord], language: str) -> dict[str, Any]:
    """An alert with its evidence as JSON takes it."""
    return {
        "alert_id": alert.alert_id,
        "series": alert.series,
        "kind": alert.kind,
        "severity": alert.severity,
        "summary": subject_of(alert, language),
        "began": told(alert.began),
        "opened": told(alert.opened),
        "closed": told(alert.closed),
        "acknowledged": told(alert.acknowledged),
        "acknowledged_by": alert.acknowledged_by,
        "note": alert.note,
        "before": alert.told["before"],
        "during": alert.told["during"],
        "usual_share": alert.told["usual_share"],
        "usual_posts": round(alert.told["usual_posts"], 2),
        "evidence": alert.told["evidence"],
        "words": alert.told.get("words", []),
        "aspects": [
            {"aspect": name, "before": before, "during": now} for name, before, now in alert.told.get("aspects", [])
        ],
        "also": alert.told.get("also", []),
        "again": alert.told.get("again", 0),
        "posts": [post_json(one) for one in posts],
    }


def post_json(one: PostRecord) -> dict[str, Any]:
    """A post with what was read out of it."""
    return {
        "number": one.sequence,
        "timestamp": told(one.timestamp),
        "text": one.text,
        "source": one.source,
        "item_id": one.item_id,
        "link": one.link,
        "language": one.language,
        "topic": one.topic,
        "topic_sure": round(one.topic_sure, 4),
        "tones": {name: round(value, 4) for name, value in zip(NAMES, one.tones, strict=True)},
        "aspects": {name: round(value, 4) for name, value in one.aspects.items()},
        "entities": [{"kind": kind, "name": name} for kind, name in one.entities],
        "reach": one.reach,
        "copies": one.copies,
        "copy_of": one.copy_of,
        "late": one.late,
    }


NAMES = ("positive", "neutral", "negative")  # order of `PostRecord.tones`
