"""Made-up opinions of the sample shop, so that reports, alerts and product pages show something.

Nobody said any of it: sentences are put together from parts, from a seed, and their source is "made-up". English and
Chinese, a fifth of them complaints; two days before the end one product suddenly leaks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shoplens.domain.opinions import Post
from shoplens.service.opinions import OpinionService
from shoplens.store.base import Store

SOURCE = "made-up"
DAY = 86_400_000_000  # microseconds
DAYS, POSTS, SURGE = 28, 280, 50  # length; posts in all of it, and on top of them within a day
PRODUCTS = 12  # those bought most; the first is the one that leaks
BAD, CHINESE = 0.2, 0.3  # shares

Parts = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]  # how it begins, what is said, how it ends
GOOD_EN: Parts = (
    ("Bought it for the weekend:", "Third time now,", "For the kids' lunch:", "My mother swears by it,", "As a snack,",
     "Straight from the fridge,", "For once on offer,", "With a bit of toast,", "After a long day,",
     "On Sunday morning,"),
    ("tastes wonderful and fresh", "the packaging is practical and closes well", "great value for the price",
     "arrived quickly and cold", "delicious, the whole family loves it", "good size and easy to store",
     "excellent quality, always the same", "the new recipe is even better"),
    ("will buy again.", "highly recommended!", "thank you.", "five stars from us.", "just what we needed.",
     "a happy customer."),
)  # fmt: skip
BAD_EN: Parts = (
    GOOD_EN[0],
    ("tastes stale and far too salty", "far too expensive for so little", "came two days late and warm",
     "the bag was torn and half empty", "the service was rude and no help", "smells strange, we threw it away",
     "much worse than it used to be"),
    ("never again.", "very disappointed.", "I want my money back.", "what a waste.", "please do something about it."),
)  # fmt: skip
LEAKS_EN: Parts = (
    ("Opened the bag:", "Second one this week:", "At the till already,", "In the fridge overnight,", "Out of the box,",
     "Unpacking today,"),
    ("the lid is broken and it leaks everywhere", "it leaks, the packaging is terrible",
     "the new lid does not close, what a mess",
     "arrived broken and leaking, awful packaging"),
    BAD_EN[2],
)  # fmt: skip
GOOD_ZH: Parts = (
    ("周末买的，", "第三次买了，", "给孩子带饭，", "早餐的时候，", "朋友推荐的，", "打折的时候买的，"),
    ("味道很好，很新鲜", "包装方便，密封好", "性价比高", "送货快，还是冰的", "全家都喜欢", "质量一直很稳定"),
    ("，会回购。", "，强烈推荐！", "，谢谢店家。", "，五星好评。"),
)
BAD_ZH: Parts = (
    GOOD_ZH[0],
    ("不新鲜，太咸了", "太贵了，分量又少", "晚了两天才到", "包装破了，漏了一半", "客服态度很差", "有异味，全扔了"),
    ("，再也不买。", "，非常失望。", "，要求退款。", "，浪费钱。"),
)


def sample_posts(products: Sequence[str], end: int, *, seed: int = 0) -> list[Post]:
    """In the order of time, up to `end` (microseconds); of these products the first is complained about at last."""
    random = np.random.default_rng(seed)
    hours = np.clip(random.normal(15.0, 4.0, POSTS), 6.0, 23.0) / 24.0  # people write in the afternoon
    usual = (random.integers(0, DAYS, POSTS) + hours) / DAYS
    sudden = 1.0 - (2.0 - random.uniform(0.0, 1.0, SURGE)) / DAYS
    times = [(float(share), False) for share in usual] + [(float(share), True) for share in sudden]
    posts = []
    for number, (share, leaks) in enumerate(sorted(times)):
        chinese, bad = random.random() < CHINESE, random.random() < BAD
        kind = (BAD_ZH if bad else GOOD_ZH) if chinese else (BAD_EN if bad else GOOD_EN)
        said = _said(LEAKS_EN if leaks else kind, random)
        item_id = products[0] if leaks else str(random.choice(list(products)))
        posts.append(
            Post(
                text=said,
                timestamp=end - int((1.0 - min(share, 1.0)) * DAYS * DAY),
                source=SOURCE,
                post_id=f"{seed}/{number}",
                item_id=item_id,
                reach=int(random.integers(1, 40)),
            )
        )
    return posts


def add_sample_opinions(service: OpinionService, store: Store, *, seed: int = 0) -> dict[str, int]:
    """Count them for the products bought most, until the latest event. Once is enough: again changes nothing."""
    found, end = _bought_most(store)
    if not found:
        return {"posts": 0, "alerts": 0}
    posts = sample_posts(found, end, seed=seed)
    taken = service.take(posts)
    return {"posts": len(taken.posts), "alerts": len(taken.alerts)}


def _said(parts: Parts, random: np.random.Generator) -> str:
    begin, say, end = (str(random.choice(one)) for one in parts)
    return f"{begin}{say}{end}" if end.startswith("，") else f"{begin} {say}, {end}"


def _bought_most(store: Store) -> tuple[list[str], int]:
    """item_ids, most first, and when anything happened last, microseconds."""
    counts, end = np.zeros(0, np.int64), 0
    for columns in store.events.scan():
        rows = columns.product[columns.product > 0]
        more = np.bincount(rows, minlength=len(counts))
        more[: len(counts)] += counts
        counts, end = more, max(end, int(columns.timestamp.max()))
    best = np.argsort(-counts, kind="stable")[:PRODUCTS]
    names = store.catalogue.rows()
    known = dict(zip(names.row, names.item_id, strict=True))
    return [known[row] for row in best.tolist() if counts[row] and row in known], end
