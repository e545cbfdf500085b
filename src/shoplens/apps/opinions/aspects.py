"""Which aspects of a product or of the shop a text speaks of, and whether it blames them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from shoplens.apps.opinions import lexicon

#: Aspect → words that speak of it. English words match whole, with a plural s; Chinese ones wherever they stand.
ASPECTS: dict[str, str] = {
    "battery": "battery charge charger charging 电池 续航 充电 待机",
    "screen": "screen display touchscreen 屏幕 显示屏 屏",
    "sound": "sound speaker audio volume headphone microphone 音质 声音 音效 喇叭 耳机",
    "camera": "camera photo lens picture 拍照 摄像头 像素 镜头",
    "performance": "performance lag laggy speed software app system crash 性能 速度 系统 软件 卡顿 运行 死机",
    "quality": "quality material build workmanship fabric durable broke broken defective 质量 做工 材质 面料 品质 布料",
    "size": "size fit fits fitting length width sizing 尺码 大小 尺寸 码 合身 偏小 偏大",
    "colour": "colour color shade 颜色 色差 掉色 褪色",
    "design": "design look looks style appearance 外观 款式 样子 设计 样式",
    "smell": "smell odour odor scent fragrance 味道 气味 异味 香味",
    "taste": "taste flavour flavor fresh freshness 口感 好吃 难吃 新鲜 口味",
    "price": "price cost money expensive cheap overpriced value discount 价格 价钱 贵 便宜 性价比 降价 优惠",
    "delivery": "delivery shipping shipment courier parcel arrived arrive late 物流 快递 发货 送货 配送 到货 收到",
    "packaging": "packaging package box packed wrapping 包装 盒子 箱子 袋子",
    "service": "service support staff seller agent helpful rude 客服 服务 态度 卖家 店家 店员 前台",
    "returns": "return refund exchange warranty replacement 退货 退款 换货 售后 保修 退换",
    "authenticity": "fake genuine counterfeit authentic original 正品 假货 真假 盗版 仿冒",
    "safety": "safety unsafe dangerous fire burn burnt injury allergic allergy poison 安全 危险 起火 爆炸 过敏 中毒",
}
_CLAUSE = re.compile(r"[.,;:!?\n。，；：！？、…]+|\b(?:but|however|although|though)\b|但是|不过|可是|但")
_NEGATIVE = 2  # column of `lexicon.tones`


class Aspects:
    """Finds aspects; a shop may add its own, or other words for one."""

    def __init__(self, more: Mapping[str, Sequence[str]] | None = None) -> None:
        words = {name: told.split() for name, told in ASPECTS.items()}
        for name, told in (more or {}).items():
            words[name] = [*words.get(name, ()), *told]
        self.names = tuple(words)
        self._aspect = {word.casefold(): name for name, told in reversed(words.items()) for word in told}
        latin = sorted((word for word in self._aspect if word.isascii()), key=len, reverse=True)
        other = sorted((word for word in self._aspect if not word.isascii()), key=len, reverse=True)
        parts = [rf"\b({'|'.join(map(re.escape, latin))})(?:s|es)?\b"] if latin else []
        parts += [f"({'|'.join(map(re.escape, other))})"] if other else []
        self._pattern = re.compile("|".join(parts))

    def find(self, text: str, negative: float) -> dict[str, float]:
        """Aspect → how likely it is blamed, from 0 to 1. `negative`: the same of the whole text; it decides where the
        clause that names an aspect says nothing of its own."""
        blamed: dict[str, list[float]] = {}
        for clause in _CLAUSE.split(text.casefold()):
            named = self._named(clause)
            if not named:
                continue
            good, bad, _ = lexicon.features(clause)
            own = float(lexicon.tones([clause])[0, _NEGATIVE]) if good or bad else negative
            for name in named:
                blamed.setdefault(name, []).append(own)
        return {name: sum(told) / len(told) for name, told in blamed.items()}

    def count(self, text: str) -> dict[str, int]:
        """Aspect → how often it is named."""
        counts: dict[str, int] = {}
        for found in self._pattern.finditer(text.casefold()):
            name = self._aspect[found.group(1) or found.group(found.lastindex or 0)]
            counts[name] = counts.get(name, 0) + 1
        return counts

    def _named(self, clause: str) -> list[str]:
        return list(self.count(clause))
