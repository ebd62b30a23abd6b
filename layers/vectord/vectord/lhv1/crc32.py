"""The CRC-32 of bytes that are back to back, from the CRC-32s of the parts, without reading the bytes again.

A CRC-32 is a polynomial modulo another one, with coefficients of one bit. Bytes that follow multiply it by x to the
power of their number of bits, and add their own CRC-32. zlib has this as `crc32_combine`, but Python's module does not.
"""

from typing import Final

_POLYNOMIAL: Final = 0xEDB88320  # bit 31 of a number is the coefficient of x^0
_ONE: Final = 1 << 31
_X_TO_THE_8: Final = 1 << 23


def joined(first: int, second: int, size: int) -> int:
    """Return the CRC-32 of two parts; `size` is the number of bytes of the second one."""
    factor, power = _ONE, _X_TO_THE_8
    while size:
        if size & 1:
            factor = _product(factor, power)
        power = _product(power, power)
        size >>= 1
    return _product(factor, first) ^ second


def _product(first: int, second: int) -> int:
    product = 0
    for bit in range(31, -1, -1):
        if first >> bit & 1:
            product ^= second
        second = second >> 1 ^ (_POLYNOMIAL if second & 1 else 0)
    return product
