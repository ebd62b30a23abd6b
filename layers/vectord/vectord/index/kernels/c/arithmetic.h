/* Sums over vectors: float32 ones in any order, and exact distances in float64 in a fixed order. */
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>

#define LANES 8
typedef float f32x4 __attribute__((vector_size(16)));
typedef float f32x8 __attribute__((vector_size(32)));
typedef double f64x8 __attribute__((vector_size(64)));
/* The same in memory, where they are aligned as their components are. */
typedef float f32x8_in_memory __attribute__((vector_size(32), aligned(4), may_alias));
typedef double f64x8_in_memory __attribute__((vector_size(64), aligned(8), may_alias));

static const double MAYBE_EQUAL = 1e-9; /* as in distance.py */

static float dot(const float *a, const float *b, int64_t n)
{
    f32x8 even = {0}, odd = {0};
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        even += *(const f32x8_in_memory *)(a + i) * *(const f32x8_in_memory *)(b + i);
        odd += *(const f32x8_in_memory *)(a + i + LANES) * *(const f32x8_in_memory *)(b + i + LANES);
    }
    even += odd;
    f32x4 halves[2];
    memcpy(halves, &even, sizeof halves);
    halves[0] += halves[1];
    float sum = (halves[0][0] + halves[0][1]) + (halves[0][2] + halves[0][3]);
    for (; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* The sum of squares of float64 in the fixed order: component i is added to partial sum i % 8. */
static double sum_of_squares(const double *values, int64_t n)
{
    f64x8 lanes = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        f64x8 part = *(const f64x8_in_memory *)(values + i);
        lanes += part * part;
    }
    double sums[LANES];
    memcpy(sums, &lanes, sizeof sums);
    for (int lane = 0; i < n; i++, lane++)
        sums[lane] += values[i] * values[i];
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

/* Exact distance of a row; NaN for a row without direction under cosine. `wide` has room for n components. */
static double exact_distance(const float *row, const float *query, const double *target, int cosine, double *wide,
                             int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        wide[i] = row[i];
    if (!cosine) {
        for (int64_t i = 0; i < n; i++)
            wide[i] -= target[i];
        return sqrt(sum_of_squares(wide, n));
    }
    double length = sqrt(sum_of_squares(wide, n));
    if (length == 0)
        return NAN;
    for (int64_t i = 0; i < n; i++)
        wide[i] = wide[i] / length - target[i];
    double distance = sum_of_squares(wide, n) / 2;
    if (distance < MAYBE_EQUAL) {
        int64_t equal = 0;
        while (equal < n && row[equal] == query[equal])
            equal++;
        if (equal == n)
            return 0;
    }
    return distance < 2 ? distance : 2;
}

/* A query as float64, of length 1 under cosine. */
static void widen_query(const float *query, int cosine, double *target, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        target[i] = query[i];
    if (!cosine)
        return;
    double length = sqrt(sum_of_squares(target, n));
    for (int64_t i = 0; i < n; i++)
        target[i] /= length;
}
