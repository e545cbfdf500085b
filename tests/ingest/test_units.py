import pytest

from shoplens.ingest.units import Measure, measured


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("500 ml", 500, "ml"),
        ("0.5L", 500, "ml"),
        ("500毫升", 500, "ml"),
        ("1,5 l", 1500, "ml"),
        ("1.5kg", 1500, "g"),
        ("2斤", 1000, "g"),
        ("10mm", 10, "mm"),
        ("10 CM", 100, "mm"),
        ("16GB", 16, "GB"),
        ("16 gb", 16, "GB"),
        ("5000mAh", 5000, "mAh"),
        ("60W", 60, "W"),
        ('5.5"', 5.5, "in"),
        ("5.5″", 5.5, "in"),
        ("100%", 100, "%"),
        ("-5 °C", -5, "°C"),
        ("12 months", 12, "month"),
        ("12个月", 12, "month"),
        ("38", 38, ""),
        ("1,000", 1000, ""),
        ("\uff13\uff18", 38, ""),
    ],
)
def test_amounts(text: str, amount: float, unit: str) -> None:
    assert measured(text) == Measure(amount, unit)


@pytest.mark.parametrize(
    "text", ["", "red", "3XL", "2nd", "10 x 20 cm", "1e5", "10-12", "12月", "½ l", "4012345123456", "9" * 1_000_000]
)
def test_what_is_no_amount(text: str) -> None:
    assert measured(text) is None


def test_sizes_of_clothes_are_no_volumes() -> None:
    assert measured("3L", size=True) is None
    assert measured("3L") == Measure(3000, "ml")


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [("1 lb", 453.59237, "g"), ("16 oz", 453.59237, "g"), ("1 ft", 304.8, "mm"), ("2 l", 2000, "ml")],
)
def test_measures_that_can_be_compared(text: str, amount: float, unit: str) -> None:
    found = measured(text)
    assert found is not None
    assert found.metric().amount == pytest.approx(amount)
    assert found.metric().unit == unit
