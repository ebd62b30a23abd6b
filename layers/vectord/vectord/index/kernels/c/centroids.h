/* rank: the partitions nearest to a query, from the head of the section `parts`. Its twin is in parts_head.py. */
#pragma once
#include "arguments.h"
#include "arithmetic.h"
#include "rotation.h"
#include "selection.h"

#define HALF_OF_LEVELS 7.5f   /* as TOP_LEVEL / 2 in parts_head.py */
#define LEAST_SQUARE 1e-12f   /* as in parts_head.py */

typedef uint8_t u8x8 __attribute__((vector_size(8)));

/* The centroids; each row of `levels` has the components of one residual, two in a byte. */
typedef struct {
    Array levels;
    const float *scales, *norms;
} Centroids;

/* A vector as its components of even and of odd number, since these are the low and the high halves of the levels. */
typedef struct {
    float *even, *odd;
} Halves;

static void halve(Halves *halves, const float *values, int64_t n)
{
    for (int64_t i = 0; i < n; i += 2) {
        halves->even[i / 2] = values[i];
        halves->odd[i / 2] = i + 1 < n ? values[i + 1] : 0;
    }
}

/* The product of a vector with a residual without its scale. */
static float product(const uint8_t *levels, const Halves *halves, int64_t bytes)
{
    f32x8 sums = {0};
    int64_t i = 0;
    for (; i + LANES <= bytes; i += LANES) {
        u8x8 pairs;
        memcpy(&pairs, levels + i, sizeof pairs);
        f32x8 low = __builtin_convertvector(pairs & 15, f32x8) - HALF_OF_LEVELS;
        f32x8 high = __builtin_convertvector(pairs >> 4, f32x8) - HALF_OF_LEVELS;
        sums += low * *(const f32x8_in_memory *)(halves->even + i);
        sums += high * *(const f32x8_in_memory *)(halves->odd + i);
    }
    float sum = 0;
    for (int lane = 0; lane < LANES; lane++)
        sum += sums[lane];
    for (; i < bytes; i++) {
        sum += ((float)(levels[i] & 15) - HALF_OF_LEVELS) * halves->even[i];
        sum += ((float)(levels[i] >> 4) - HALF_OF_LEVELS) * halves->odd[i];
    }
    return sum;
}

/* Under euclidean: half of the negative squared distance, up to a constant. */
static float score_by_distance(const Centroids *centroids, const Halves *residual, int64_t row)
{
    float norm = centroids->norms[row];
    const uint8_t *levels = (const uint8_t *)centroids->levels.data + row * centroids->levels.stride;
    return product(levels, residual, centroids->levels.columns) * centroids->scales[row] - norm * norm / 2;
}

/* Under cosine: the product of the query with the unit centroid. `target` is the rotated query, `mean` the rotated mean;
 * `offset` is their product, and `square` that of the mean with itself. */
static float score_by_angle(const Centroids *centroids, const Halves *target, const Halves *mean, float offset,
                            float square, int64_t row)
{
    float norm = centroids->norms[row], scale = centroids->scales[row];
    int64_t bytes = centroids->levels.columns;
    const uint8_t *levels = (const uint8_t *)centroids->levels.data + row * centroids->levels.stride;
    float length = norm * norm + 2 * product(levels, mean, bytes) * scale + square;
    return (product(levels, target, bytes) * scale + offset) / sqrtf(length > LEAST_SQUARE ? length : LEAST_SQUARE);
}

static int by_key(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return (a > b) - (a < b);
}

static PyObject *rank(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t given)
{
    Arrays arrays = {.count = 0};
    Array scales, norms, mean, signs, residual, allowed = {0}, out;
    Centroids centroids;
    if (count_arguments(given, 9))
        return NULL;
    int cosine = PyObject_IsTrue(args[6]);
    if (cosine < 0 || take(&arrays, args[0], "B", 2, 0, &centroids.levels) ||
        take(&arrays, args[1], "f", 1, 0, &scales) || take(&arrays, args[2], "f", 1, 0, &norms) ||
        take(&arrays, args[3], "f", 1, 0, &mean) || take(&arrays, args[4], "f", 2, 0, &signs) ||
        take(&arrays, args[5], "f", 1, 0, &residual) ||
        (args[7] != Py_None && take(&arrays, args[7], "?", 1, 0, &allowed)) ||
        take(&arrays, args[8], "lq", 1, 1, &out))
        return finish(&arrays, NULL, NULL);
    int64_t rows = centroids.levels.rows, bytes = centroids.levels.columns, n = mean.columns;
    if (refuse(!n || bytes != (n + 1) / 2 || scales.columns != rows || norms.columns != rows || residual.columns != n ||
                   signs.rows != 2 || signs.columns != n || (allowed.data && allowed.columns != rows) || rows > UINT32_MAX,
               "the arrays do not have the dimensions of the centroids"))
        return finish(&arrays, NULL, NULL);
    char *scratch = malloc((size_t)rows * sizeof(uint64_t) + (size_t)(2 * n + 4 * bytes) * sizeof(float));
    if (!scratch) {
        PyErr_NoMemory();
        return finish(&arrays, NULL, NULL);
    }
    centroids.scales = (const float *)scales.data, centroids.norms = (const float *)norms.data;
    uint64_t *keys = (uint64_t *)scratch;
    float *turned = (float *)(keys + rows), *target = turned + n;
    Halves of_mean = {target + n, target + n + bytes}, of_target = {target + n + 2 * bytes, target + n + 3 * bytes};
    int64_t count = 0;
    PyThreadState *state = PyEval_SaveThread();
    memcpy(turned, mean.data, (size_t)n * sizeof *turned);
    rotate(turned, &signs, n);
    for (int64_t i = 0; i < n; i++)
        target[i] = ((const float *)residual.data)[i] + (cosine ? turned[i] : 0);
    halve(&of_mean, turned, n);
    halve(&of_target, target, n);
    float offset = dot(turned, target, n), square = dot(turned, turned, n);
    for (int64_t row = 0; row < rows; row++) {
        if (allowed.data && !allowed.data[row])
            continue;
        float score = cosine ? score_by_angle(&centroids, &of_target, &of_mean, offset, square, row)
                             : score_by_distance(&centroids, &of_target, row);
        keys[count++] = (uint64_t)~ordered(score) << 32 | (uint64_t)row; /* of equal scores, the first row */
    }
    qsort(keys, (size_t)count, sizeof *keys, by_key);
    count = count < out.columns ? count : out.columns;
    for (int64_t i = 0; i < count; i++)
        ((int64_t *)out.data)[i] = (int64_t)(keys[i] & UINT32_MAX);
    PyEval_RestoreThread(state);
    return finish(&arrays, scratch, PyLong_FromLongLong(count));
}
