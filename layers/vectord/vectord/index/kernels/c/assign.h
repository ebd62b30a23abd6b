/* assign: the nearest of many centroids, and the second one by SOAR, of each row. Its twin is in kernels/assigning.py. */
#pragma once
#include "arguments.h"
#include "arithmetic.h"
#include <float.h>

#define TILE (8 * LANES) /* values, of which every LANES-th is in one group */

/* The centroids, and what the values of one row need: room for `padded` values, candidates, and the groups' least. */
typedef struct {
    const Array *centroids; /* their components that the products do not have */
    const float *halves;
    int64_t count, padded;
    float *values, *least;
    int32_t *groups, *candidates;
} Compared;

/* Return how many of n values are at most `limit`. */
static int32_t count_within(const float *values, int64_t n, float limit)
{
    int32_t count = 0;
    for (int64_t i = 0; i < n; i++)
        count += values[i] <= limit;
    return count;
}

/* Return the largest of n values that is at most `most`; minus infinity if there is none. */
static float largest_within(const float *values, int64_t n, float most)
{
    float largest = -INFINITY;
    for (int64_t i = 0; i < n; i++)
        largest = values[i] > largest && values[i] <= most ? values[i] : largest;
    return largest;
}

/* Return the `wanted`-th least of n values, or the largest finite one if they are fewer. */
static float limit_of_least(const float *values, int64_t n, int64_t wanted)
{
    float below = INFINITY, limit = largest_within(values, n, FLT_MAX);
    for (int64_t i = 0; i < n; i++)
        below = values[i] < below ? values[i] : below;
    if (count_within(values, n, below) >= wanted)
        return below;
    for (;;) { /* at most `below` are fewer than `wanted`; at most `limit` are enough, or all */
        float middle = below + (limit - below) / 2;
        if (!(middle > below && middle < limit))
            return limit;
        int32_t count = count_within(values, n, middle);
        if (count == wanted)
            return largest_within(values, n, middle);
        *(count < wanted ? &below : &limit) = middle;
    }
}

/* Write the least value of each group of a tile. */
static void least_of_groups(const float *restrict values, float *restrict least)
{
    float lanes[LANES];
    memcpy(lanes, values, sizeof lanes);
    for (int i = LANES; i < TILE; i += LANES)
        for (int lane = 0; lane < LANES; lane++)
            lanes[lane] = values[i + lane] < lanes[lane] ? values[i + lane] : lanes[lane];
    memcpy(least, lanes, sizeof lanes);
}

/* Write the numbers of the values within the limit of `wanted` groups, and return how many there are. */
static int64_t least_values(const Compared *compared, int64_t wanted)
{
    const float *values = compared->values, *least = compared->least;
    int64_t groups = compared->padded / TILE * LANES, kept = 0, found = 0;
    for (int64_t tile = 0; tile < groups; tile += LANES)
        least_of_groups(values + tile / LANES * TILE, compared->least + tile);
    float limit = limit_of_least(least, groups, wanted);
    for (int64_t group = 0; group < groups; group++) {
        compared->groups[kept] = (int32_t)(group / LANES * TILE + group % LANES);
        kept += least[group] <= limit;
    }
    for (int64_t group = 0; group < kept; group++)
        for (int32_t i = 0, number = compared->groups[group]; i < TILE; i += LANES) {
            compared->candidates[found] = number + i;
            found += values[number + i] <= limit;
        }
    return found;
}

/* One row: its products with the centroids by few components, its other components, and its squared norm. */
typedef struct {
    const float *few, *rest;
    float square;
} Row;

/* Half of the squared distance of a row to a centroid, less half of the row's squared norm. */
static float half_distance(const Compared *compared, const Row *row, int64_t centroid)
{
    float rest = dot(row->rest, row_of(compared->centroids, centroid), compared->centroids->columns);
    return compared->halves[centroid] - row->few[centroid] - rest;
}

/* Return the nearest of the candidates, the first of those that tie; `values` gets the exact value of each. */
static int64_t nearest_candidate(const Compared *compared, const Row *row, int64_t candidates)
{
    int64_t best = compared->candidates[0];
    for (int64_t i = 0; i < candidates; i++)
        compared->values[compared->candidates[i]] = half_distance(compared, row, compared->candidates[i]);
    for (int64_t i = 0; i < candidates; i++) {
        int64_t other = compared->candidates[i];
        float more = compared->values[other] - compared->values[best];
        best = more < 0 || (more == 0 && other < best) ? other : best;
    }
    return best;
}

/* The terms of the loss of a second centroid that the row and its first one have. */
typedef struct {
    const float *products; /* of the first centroid with all others, less the halves of the others */
    float constant, weight;
} Loss;

static float loss_of(Loss loss, float product, float value)
{
    float along = product + value + loss.constant;
    return along * along * loss.weight + value;
}

/* Replace the values of n centroids by their losses. gcc does not use vectors here by itself. */
static void to_losses(float *values, const float *products, Loss loss, int64_t n)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        f32x8 value = *(const f32x8_in_memory *)(values + i);
        f32x8 along = *(const f32x8_in_memory *)(products + i) + value + loss.constant;
        *(f32x8_in_memory *)(values + i) = along * along * loss.weight + value;
    }
    for (; i < n; i++)
        values[i] = loss_of(loss, products[i], values[i]);
}

/* Return the centroid with the least loss besides `first`. */
static int64_t second_candidate(const Compared *compared, const Row *row, Loss loss, int64_t first,
                                int64_t wanted)
{
    float *values = compared->values, least = INFINITY;
    int64_t best = -1;
    to_losses(values, loss.products, loss, compared->count);
    values[first] = INFINITY;
    int64_t candidates = least_values(compared, wanted);
    for (int64_t i = 0; i < candidates; i++) {
        int64_t other = compared->candidates[i];
        if (other == first)
            continue;
        float exact = loss_of(loss, loss.products[other], half_distance(compared, row, other));
        if (exact < least || (exact == least && other < best))
            least = exact, best = other;
    }
    return best;
}

/* What a caller asks for; `table` is empty, and `second` NULL, if no second centroid is wanted. */
typedef struct {
    Array few, rest, squares, table;
    int64_t wanted, wanted_second;
    float penalty, no_residual;
    int64_t *first, *second;
    float *least;
} Assignment;

/* Write the values of n centroids from the products of few components, and infinity up to a whole tile. */
static void to_values(const Compared *compared, const float *few)
{
    int64_t i = 0, n = compared->count;
    for (; i + LANES <= n; i += LANES)
        *(f32x8_in_memory *)(compared->values + i) =
            *(const f32x8_in_memory *)(compared->halves + i) - *(const f32x8_in_memory *)(few + i);
    for (; i < compared->padded; i++)
        compared->values[i] = i < n ? compared->halves[i] - few[i] : INFINITY;
}

static void assign_row(Compared *compared, const Assignment *given, int64_t number)
{
    Row row = {row_of(&given->few, number), row_of(&given->rest, number), ((const float *)given->squares.data)[number]};
    to_values(compared, row.few);
    int64_t first = nearest_candidate(compared, &row, least_values(compared, given->wanted));
    float value = compared->values[first];
    given->first[number] = first;
    given->least[number] = value;
    if (!given->second)
        return;
    float residual = 2 * value + row.square, half = compared->halves[first];
    residual = residual > 0 ? residual : 0;
    given->second[number] = -1;
    if (residual <= given->no_residual * (row.square + 2 * half))
        return;
    Loss loss = {row_of(&given->table, first), row.square + value - half, given->penalty / residual};
    given->second[number] = second_candidate(compared, &row, loss, first, given->wanted_second);
}

static PyObject *assign(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t given)
{
    Arrays arrays = {.count = 0};
    Assignment made = {.second = NULL};
    Array centroids, halves, first, least, second = {0};
    if (count_arguments(given, 13))
        return NULL;
    made.wanted = PyLong_AsLongLong(args[6]), made.wanted_second = PyLong_AsLongLong(args[7]);
    made.penalty = (float)PyFloat_AsDouble(args[8]), made.no_residual = (float)PyFloat_AsDouble(args[9]);
    if (PyErr_Occurred() || take(&arrays, args[0], "f", 2, 0, &made.few) ||
        take(&arrays, args[1], "f", 2, 0, &made.rest) || take(&arrays, args[2], "f", 1, 0, &made.squares) ||
        take(&arrays, args[3], "f", 2, 0, &centroids) || take(&arrays, args[4], "f", 1, 0, &halves) ||
        (args[5] != Py_None && take(&arrays, args[5], "f", 2, 0, &made.table)) ||
        take(&arrays, args[10], "lq", 1, 1, &first) || take(&arrays, args[11], "f", 1, 1, &least) ||
        take(&arrays, args[12], "lq", 1, 1, &second))
        return finish(&arrays, NULL, NULL);
    int64_t n = made.rest.rows, k = centroids.rows, has_table = args[5] != Py_None;
    if (refuse(k < 1 + has_table || k > INT32_MAX / 2 || made.few.rows != n || made.few.columns != k ||
                   made.rest.columns != centroids.columns || halves.size != k || made.squares.size != n || first.size != n || least.size != n ||
                   second.size != n || made.wanted < 1 || made.wanted_second < 1 ||
                   (has_table && (made.table.rows != k || made.table.columns != k)),
               "the arrays do not have the same rows, centroids and dimension"))
        return finish(&arrays, NULL, NULL);
    Compared compared = {.centroids = &centroids, .halves = (const float *)halves.data, .count = k};
    compared.padded = (k + TILE - 1) / TILE * TILE;
    compared.values = malloc(((size_t)compared.padded * 3 + 8) * sizeof *compared.values);
    if (!compared.values) {
        PyErr_NoMemory();
        return finish(&arrays, NULL, NULL);
    }
    compared.least = compared.values + compared.padded;
    compared.groups = (int32_t *)(compared.least + compared.padded / LANES);
    compared.candidates = compared.groups + compared.padded / LANES + 1;
    made.first = (int64_t *)first.data, made.least = (float *)least.data;
    made.second = has_table ? (int64_t *)second.data : NULL;
    PyThreadState *state = PyEval_SaveThread();
    for (int64_t i = 0; i < n; i++)
        assign_row(&compared, &made, i);
    PyEval_RestoreThread(state);
    return finish(&arrays, compared.values, Py_NewRef(Py_None));
}
