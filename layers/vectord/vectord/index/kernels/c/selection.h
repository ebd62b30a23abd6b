/* Select and sort numbers by their digits, in linear time for every input. */
#pragma once
#include <stdint.h>
#include <string.h>

/* A number that orders as the float does: for floats a < b, ordered(a) < ordered(b). */
static uint32_t ordered(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

/* The number at position `k` of the ascending order. A radix selection: linear for every input. */
static uint32_t kth_smallest(const uint32_t *keys, int64_t n, int64_t k)
{
    uint32_t prefix = 0, mask = 0;
    for (int shift = 24; shift >= 0; shift -= 8) {
        int64_t counts[256] = {0}, digit = 0;
        for (int64_t i = 0; i < n; i++)
            counts[keys[i] >> shift & 255] += (keys[i] & mask) == prefix;
        for (; digit < 255 && k >= counts[digit]; digit++)
            k -= counts[digit];
        prefix |= (uint32_t)digit << shift;
        mask |= 255u << shift;
    }
    return prefix;
}

/* Sort ascending by digits of 8 bits; `other` has room for n. The result is in `keys`. */
static void sort(uint32_t *keys, uint32_t *other, int64_t n)
{
    uint32_t any = 0, *from = keys, *to = other;
    for (int64_t i = 0; i < n; i++)
        any |= keys[i];
    for (int shift = 0; shift < 32 && any >> shift; shift += 8) {
        int64_t starts[257] = {0};
        for (int64_t i = 0; i < n; i++)
            starts[(from[i] >> shift & 255) + 1]++;
        for (int digit = 1; digit < 256; digit++)
            starts[digit] += starts[digit - 1];
        for (int64_t i = 0; i < n; i++)
            to[starts[from[i] >> shift & 255]++] = from[i];
        uint32_t *swapped = from;
        from = to;
        to = swapped;
    }
    if (from != keys)
        memcpy(keys, from, (size_t)n * sizeof *keys);
}
