"""Names of colours in English and Chinese, and what they look like."""

from __future__ import annotations

from typing import NamedTuple


class NamedColour(NamedTuple):
    """One word, in both languages, and typical appearances as red, green, blue (0 to 255)."""

    english: str
    chinese: str
    looks: tuple[tuple[int, int, int], ...]


#: What shops call colours. A pixel has the name of the nearest look (CIE Lab); several looks make a name wide.
COLOURS: tuple[NamedColour, ...] = (
    NamedColour("black", "黑色", ((8, 8, 10), (28, 28, 30), (40, 38, 38))),
    NamedColour("charcoal", "深灰色", ((62, 63, 66), (80, 80, 82))),
    NamedColour("grey", "灰色", ((110, 110, 112), (135, 135, 136), (158, 158, 160))),
    NamedColour("silver", "银灰色", ((182, 183, 186), (200, 201, 204))),
    NamedColour("white", "白色", ((232, 232, 234), (255, 255, 255))),
    NamedColour("cream", "米白色", ((245, 236, 214), (252, 246, 228))),
    NamedColour("beige", "米色", ((222, 202, 170), (232, 216, 190), (205, 186, 156))),
    NamedColour("khaki", "卡其色", ((178, 160, 120), (160, 142, 104))),
    NamedColour("tan", "驼色", ((190, 148, 104), (170, 128, 88))),
    NamedColour("brown", "棕色", ((120, 76, 44), (96, 62, 40), (140, 92, 58), (70, 46, 34))),
    NamedColour("maroon", "酒红色", ((98, 16, 30), (120, 24, 42), (78, 18, 28))),
    NamedColour("red", "红色", ((200, 24, 32), (228, 30, 38), (170, 24, 32), (250, 60, 50))),
    NamedColour("coral", "珊瑚色", ((250, 128, 110), (236, 108, 96))),
    NamedColour("pink", "粉色", ((246, 160, 186), (252, 196, 210), (232, 120, 160), (225, 170, 175))),
    NamedColour("magenta", "玫红色", ((214, 28, 120), (190, 24, 110), (232, 60, 150))),
    NamedColour("peach", "蜜桃色", ((252, 208, 178), (244, 186, 152))),
    NamedColour("orange", "橙色", ((240, 124, 28), (250, 150, 40), (222, 98, 24))),
    NamedColour("mustard", "姜黄色", ((204, 158, 40), (186, 140, 36))),
    NamedColour("yellow", "黄色", ((250, 220, 40), (252, 236, 92), (238, 202, 30))),
    NamedColour("lime", "青柠色", ((178, 214, 50), (160, 220, 70))),
    NamedColour("olive", "橄榄绿", ((106, 108, 46), (84, 88, 42), (126, 128, 70))),
    NamedColour("green", "绿色", ((40, 140, 60), (60, 170, 80), (30, 106, 50), (90, 160, 80))),
    NamedColour("dark green", "墨绿色", ((18, 62, 42), (26, 76, 52))),
    NamedColour("mint", "薄荷绿", ((168, 224, 196), (190, 234, 212))),
    NamedColour("teal", "青色", ((16, 124, 124), (28, 146, 146), (20, 98, 102))),
    NamedColour("turquoise", "青绿色", ((60, 200, 196), (96, 212, 210))),
    NamedColour("sky blue", "天蓝色", ((130, 190, 236), (168, 208, 240), (96, 170, 226))),
    NamedColour("blue", "蓝色", ((30, 84, 190), (46, 108, 210), (24, 60, 160), (72, 112, 168))),
    NamedColour("navy", "藏青色", ((18, 28, 66), (26, 40, 88), (34, 46, 76))),
    NamedColour("purple", "紫色", ((106, 44, 140), (130, 66, 168), (84, 36, 104))),
    NamedColour("lavender", "淡紫色", ((186, 164, 218), (206, 190, 232))),
)
