"""What is said about a product, on its page."""

from __future__ import annotations

from pydantic import BaseModel

from shoplens.apps.opinions.alerting import figures
from shoplens.apps.opinions.telling import subject_of
from shoplens.service.opinions import ProductTone


class FiguresOut(BaseModel):
    """A count, with the 95 % interval of the share of negative posts (Wilson)."""

    posts: int
    negative: int
    positive: int
    reach: int
    share: float
    low: float
    high: float


class ProductAlert(BaseModel):
    """An open alert on a product's page."""

    alert_id: str
    severity: str
    summary: str


class ProductOpinions(FiguresOut):
    """What is said about a product."""

    alerts: list[ProductAlert]


def product_opinions(tone: ProductTone, language: str) -> ProductOpinions | None:
    """None when nobody said anything."""
    if not tone.count.posts:
        return None
    alerts = [
        ProductAlert(alert_id=one.alert_id, severity=one.severity, summary=subject_of(one, language))
        for one in tone.alerts
    ]
    return ProductOpinions(**figures(tone.count), alerts=alerts)
