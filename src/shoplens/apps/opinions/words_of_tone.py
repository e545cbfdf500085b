"""Words that judge, English and Chinese: what tells the tone of a text before a shop has labels of its own.

Written for product reviews, service cases and business news. English words match whole; a trailing * matches any
ending. Chinese words match wherever they stand; of two that overlap the longer counts.
"""

from __future__ import annotations

GOOD_EN = """
good great excellent perfect* amazing awesome wonderful* fantastic superb brilliant lovely nice nicely love loved
loves like liked enjoy* happy glad pleased pleasing delight* satisf* recommend* best better beautiful* pretty elegant
stylish
comfortabl* comfy soft sturdy solid durable reliabl* smooth* fast quick* prompt* efficient* easy easily simple
helpful friendly polite professional kind worth affordable cheap value bargain impress* fresh tasty delicious clean
quiet safe bright sharp clear* accurat* authentic genuine original well thank* thanks appreciat* fun cool handy
useful convenient pleasant favourite favorite gorgeous flawless* outstanding exceptional* superior top generous warm
cozy cosy rose rise rises rising risen increas* grew grow* gain* profit* improv* strong* strength* record higher up
upgrad* boost* exceed* beat beats outperform* expand* expansion success* win wins won awarded contract* agreement
order* deliver* positive advance* climb* jump* surge* rebound* recover* doubl* accelerat* growth
"""
BAD_EN = """
bad badly terribl* awful horribl* poor* worst worse disappoint* hate hated useless worthless rubbish garbage trash
junk crap broke* broken break breaks crack* defect* fault* damag* dead died dies fail* failing crash* freez* froze
stuck slow* late delay* missing wrong incorrect* never refus* reject* return* refund* complain* complaint* rude
unhelpful ignor* lie lied lying fake counterfeit scam* fraud* cheat* mislead* deceiv* dirty stain* smell* stink*
leak* rust* torn tear ripped hole* scratch* dent* loose tight uncomfortabl* itch* rough thin flimsy weak cheaply
overpric* expensive pricey waste* wasted regret* avoid* unfortunately sadly problem* issue* bug* buggy error* annoy*
frustrat* angry unacceptable disgust* ugly noisy loud dangerous unsafe burn* overheat* hot expired rotten stale
tasteless bland unreliabl* inconsisten* faded shrink* shrunk shrank nightmare ridiculous horrid pathetic lousy
inferior mediocre fell fall falls falling fallen decreas* declin* drop* lower* loss losses lost lose* down downgrad*
weak* weaken* cut cuts layoff* laid lay-off* redundanc* negative slump* plung* shrink* warn* warning* bankrupt*
deficit lawsuit recall* recalled cancel* suspend* disrupt* slid slip* shortfall dismiss* strike*
"""
GOOD_ZH = """
好 很好 不错 满意 喜欢 推荐 值得 超值 划算 实惠 便宜 正品 漂亮 好看 美观 精致 舒服 舒适 柔软 质量好 物美价廉
性价比高 给力 完美 快 很快 迅速 及时 神速 方便 好用 实用 耐用 结实 清晰 流畅 安静 热情 耐心 周到 贴心 专业 好评 赞
点赞 棒 很棒 优秀 惊喜 开心 高兴 感谢 谢谢 好吃 新鲜 香甜 可口 甜 好喝 干净 卫生 整洁 合适 合身 大方 显瘦 正好 精美
细致 稳定 强大 一流 信赖 放心 支持 爱 爱不释手 受益 感动 精彩 深刻 温馨 值
没问题 没有问题 没出过问题 没毛病 没的说 没得说 无可挑剔 没什么可挑剔 解决了 解决了问题 解决问题 后悔没早 一致
增长 上涨 盈利 上升 提高 提升 创新高 突破
利好 回升
"""
BAD_ZH = """
差 很差 太差 差劲 差评 失望 后悔 垃圾 烂 破 坏 坏了 破损 损坏 裂 断 掉 掉色 褪色 起球 开线 缩水 变形 漏 漏水 生锈
异味 味道大 臭 难闻 刺鼻 难吃 难喝 不新鲜 烂了 坏果 发霉 过期 假货 假 假的 仿冒 盗版 骗 骗人 欺骗 上当 坑 坑人 忽悠
虚假 不符 不一样 色差 退货 退款 换货 投诉 维权 态度差 态度恶劣 敷衍 不理 没人理 推卸 推脱 慢 太慢 很慢 迟 拖 等了
没收到 丢失 少发 漏发 发错 错发 贵 太贵 降价 不值 浪费 死机 卡 很卡 卡顿 闪退 黑屏 花屏 发热 发烫 噪音 吵 难用
不好用 麻烦 粗糙 劣质 廉价 单薄 太薄 不舒服 不合适 太小 太大 偏小 偏大 硬 问题 故障 毛病 缺陷 瑕疵 无法 不能用 没用
塑料感 解决不了 没解决 不解决
没有想象 没想象 不如 不满 不满意 不喜欢 不推荐 不值得 不好 不行
不清楚 郁闷 气人 气死 生气 无语 恶心 可恶 可惜 遗憾 糟糕 糟 惨 可怕 危险
下滑 下跌 下调 亏损 下降 裁员 减少 召回 破产 违约 处罚 脏 污渍 开裂 修 返修 维修 再也不 千万别 最后一次 一般般 凑合
"""
_NOT = """
not no never none nothing neither nor without hardly barely cannot can't cant don't dont doesn't doesnt didn't didnt
isn't isnt wasn't wasnt aren't won't wouldn't shouldn't couldn't ain't haven't hasn't lack lacks lacking
"""
_MORE = "very really so extremely totally absolutely completely super too highly incredibly"
NOT_EN = frozenset(_NOT.split())
SO_EN = frozenset(("so", "such", "more"))
NOT_ZH = (
    "不",
    "没",
    "没有",
    "没有一点",
    "没一点",
    "没有任何",
    "没有什么",
    "没什么",
    "从来没",
    "无",
    "别",
    "未",
    "并不",
    "不太",
    "不是",
    "不怎么",
    "谈不上",
)
MORE_EN = frozenset(_MORE.split())
BUT = ("but", "however", "但是", "但", "不过", "可是", "就是", "然而")  # what follows weighs more
