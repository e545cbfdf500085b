"""What posts to a shop are usually about: topics until it names its own, each in a few phrases of both languages."""

from __future__ import annotations

TOPICS: dict[str, tuple[str, ...]] = {
    "delivery": ("The parcel arrived late, delivery and shipping", "快递送货太慢，物流发货"),
    "quality": ("The product broke, poor quality of material and workmanship", "质量做工材质，用几天就坏了"),
    "price": ("The price is too high, expensive or good value for money", "价格贵不贵，性价比，降价"),
    "service": ("Customer service and staff, friendly or rude", "客服和店员的服务态度"),
    "returns": ("I want a refund, return or exchange, warranty claim", "退货退款换货，售后保修"),
    "packaging": ("The packaging and the box were damaged or nice", "包装盒子破损"),
    "fit": ("The size does not fit, too small or too large", "尺码大小不合适，偏小偏大"),
    "freshness": ("The food tastes fresh or stale, flavour", "水果食品新鲜，口感味道好吃"),
    "performance": ("The device is slow, the battery, screen and software", "手机电脑运行速度，电池屏幕系统"),
    "safety": ("Dangerous, it caught fire or made me ill, allergic", "不安全，起火漏电，过敏中毒"),
    "authenticity": ("This is a fake, counterfeit and not genuine", "假货，不是正品，盗版"),
    "business": ("Net sales, profit and forecast of the company for the quarter", "公司季度净利润、销售额和业绩预测"),
}
