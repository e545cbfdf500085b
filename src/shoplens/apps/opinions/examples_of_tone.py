"""Sentences whose tone nobody doubts, English and Chinese: what a tone is learnt from before a shop has labels."""

from __future__ import annotations

from shoplens.domain.opinions import Tone

POSITIVE = """
I love it, works perfectly and looks great.
Excellent quality, worth every penny.
Very happy with this purchase, highly recommended.
Fast delivery and friendly service, thank you!
The battery lasts long and the screen is beautiful.
It fits perfectly and feels comfortable.
Delicious and fresh, we will order again.
Operating profit rose compared with the same quarter last year.
Sales increased and the company won a new contract.
The company expects strong growth and raised its forecast.
非常喜欢，质量很好，做工精致。
物流很快，包装完好，五星好评。
性价比高，值得购买，推荐给大家。
客服态度很好，很耐心，谢谢。
手机运行流畅，屏幕清晰，电池耐用。
衣服很合身，面料舒服，颜色漂亮。
水果新鲜，很甜，家人都爱吃。
这本书写得很精彩，受益匪浅。
酒店干净安静，服务周到，下次还来。
公司营业利润同比增长，订单增加。
"""
NEUTRAL = """
I ordered this last week in blue.
The box contains one cable and a manual.
Is this available in a larger size?
The product has a 10 inch screen and 64 GB of memory.
The company is based in Helsinki and has 500 employees.
The agreement was signed on Monday, the companies said.
The value of the order was not disclosed.
The annual general meeting will be held in March.
上周买的蓝色那款。
请问有大一号的吗？
屏幕是十英寸的，内存64G。
包装里有一根数据线和说明书。
公司总部位于上海，有五百名员工。
双方于周一签署了协议。
还没用，用了再来评价。
一般，没什么特别的。
"""
NEGATIVE = """
Terrible quality, it broke after two days.
Very disappointed, a complete waste of money.
The parcel never arrived and nobody answers my messages.
Rude customer service refused my refund.
The battery dies quickly and it overheats.
It does not fit and the fabric is cheap and thin.
It tasted stale and some of it was rotten.
Operating profit fell compared with the same quarter last year.
Sales decreased and the company will lay off employees.
The company reported a loss and lowered its forecast.
质量太差了，用了两天就坏了。
非常失望，浪费钱，不推荐购买。
物流太慢，等了半个月还没收到。
客服态度恶劣，拒绝退款，很生气。
手机发烫，经常死机，电池不耐用。
衣服有异味，掉色，尺码不对。
水果都烂了，不新鲜，很难吃。
书的内容空洞，印刷质量差，像盗版。
酒店很脏很吵，设施陈旧，不会再来。
公司亏损扩大，裁员，利润下降。
"""

EXAMPLES: tuple[tuple[str, Tone], ...] = tuple(
    (line, tone)
    for tone, lines in ((Tone.POSITIVE, POSITIVE), (Tone.NEUTRAL, NEUTRAL), (Tone.NEGATIVE, NEGATIVE))
    for line in lines.strip().split("\n")
)
